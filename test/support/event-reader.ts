import { expectDocumented } from './documented.js';

export type ReadEvent = {
  readonly id: string | null;
  readonly event: string;
  readonly data: {
    readonly id?: string;
    readonly text?: string | null;
    readonly status?: string;
    readonly from?: string;
    readonly durationMs?: number;
    readonly state?: string;
    readonly version?: number;
  };
};

/** A page that follows a guest by `fetch`, as a browser would: it parses what arrives (WHATWG HTML §9.2.6) and can hang up. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  /** Resolves when the stream has ended, however it did. */
  readonly ended: Promise<void>;
  isEnded = false;
  private look: () => void = () => undefined;
  /** In what an event was not as it is described. */
  private fault: Error | undefined;

  private constructor(
    readonly answer: Response,
    private readonly hangingUp: AbortController,
    private readonly documented: (text: string) => Promise<void>,
  ) {
    this.ended = this.read()
      .catch((error: unknown) => {
        // A connection that breaks is no fault of the description.
        if (error instanceof Error && /otherwise than described/.test(error.message)) this.fault = error;
      })
      .then(() => {
        this.isEnded = true;
        this.look();
      });
  }

  /** @throws Error when the answer is no stream */
  static async open(url: string, token: string, lastEventId?: string, origin?: string): Promise<EventReader> {
    const hangingUp = new AbortController();
    const answer = await fetch(url, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        ...(origin === undefined ? {} : { origin }),
      },
      signal: hangingUp.signal,
    });
    if (answer.status !== 200) throw new Error(`no stream but ${answer.status}: ${await answer.text()}`);
    const { origin: service, pathname: path } = new URL(url);
    const documented = (text: string): Promise<void> =>
      expectDocumented(service, { method: 'GET', path }, { status: 200, headers: answer.headers, text });
    await documented('');
    return new EventReader(answer, hangingUp, documented);
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== null)!.id!;
  }

  get messages(): ReadEvent[] {
    return this.events.filter(({ event }) => event === 'message');
  }

  /** Resolves when what has arrived is as wanted. */
  async until(wanted: (events: readonly ReadEvent[]) => boolean, ms = 10_000): Promise<void> {
    const end = Date.now() + ms;
    while (!wanted(this.events)) {
      if (this.fault !== undefined) throw this.fault;
      if (this.isEnded || Date.now() > end)
        throw new Error(`never as wanted, ${this.isEnded ? 'ended' : 'open'}: ${JSON.stringify(this.events)}`);
      await Promise.race([
        new Promise<void>((resolve) => (this.look = resolve)),
        new Promise((resolve) => setTimeout(resolve, 100)),
      ]);
    }
  }

  /** @throws Error when an event was not as it is described */
  async hangUp(): Promise<void> {
    this.hangingUp.abort();
    await this.ended;
    if (this.fault !== undefined) throw this.fault;
  }

  private async read(): Promise<void> {
    let rest = '';
    for await (const chunk of this.answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        await this.documented(`${block}\n\n`);
        const field = (name: string): string | null => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null;
        const [event, data] = [field('event'), field('data')];
        if (event !== null && data !== null)
          this.events.push({ id: field('id'), event, data: JSON.parse(data) as ReadEvent['data'] });
      }
      this.look();
    }
  }
}
