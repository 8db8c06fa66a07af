import { setTimeout as sleep } from 'node:timers/promises';

import { expectDocumented } from './documented.js';

export type Answer<T = Record<string, unknown>> = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
};

/** Plain HTTP, so that tests say what is on the wire. What the service answers is compared with its own description, every time. */
export class Client {
  /** A function for a place that is known only when it is called. */
  constructor(
    private readonly at: string | (() => string),
    private readonly token?: string | (() => string),
  ) {}

  get url(): string {
    return typeof this.at === 'string' ? this.at : this.at();
  }

  private get authorization(): Record<string, string> {
    const token = typeof this.token === 'function' ? this.token() : this.token;
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** The other side describes itself nowhere. */
  private get isSandbox(): boolean {
    return this.url.endsWith('/sandbox');
  }

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...this.authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: bodyOf(body) }),
    });
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      // It ends when somebody hangs up.
      await response.body?.cancel();
      return { status: response.status, headers: response.headers, body: undefined as T };
    }
    if (response.headers.has('content-disposition')) {
      const { status, headers } = response;
      await expectDocumented(this.url, { method, path }, { status, headers, text: null });
      return { status, headers, body: Buffer.from(await response.arrayBuffer()) as T };
    }
    const text = await response.text();
    if (!this.isSandbox)
      await expectDocumented(this.url, { method, path }, { status: response.status, headers: response.headers, text });
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : isJson(response) ? JSON.parse(text) : text) as T,
    };
  }

  get<T = Record<string, unknown>>(path: string, headers?: Record<string, string>): Promise<Answer<T>> {
    return this.call('GET', path, undefined, headers);
  }

  post<T = Record<string, unknown>>(
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>> {
    return this.call('POST', path, body, headers);
  }

  patch<T = Record<string, unknown>>(path: string, body: unknown, headers: Record<string, string>): Promise<Answer<T>> {
    return this.call('PATCH', path, body, { 'content-type': 'application/merge-patch+json', ...headers });
  }
}

const isJson = ({ headers }: Response): boolean => headers.get('content-type')?.includes('json') ?? false;

/** Text and bytes as they are, everything else as JSON. */
const bodyOf = (body: unknown): string | Uint8Array<ArrayBuffer> =>
  typeof body === 'string' ? body : body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);

/** Asks again until the answer is as wanted; says what it was last when it never is. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > end) throw new Error(`never as wanted, last: ${JSON.stringify(answer)?.slice(0, 2_000)}`);
    await sleep(50);
  }
}

export type GuestAnswer = {
  id: string;
  state: string;
  closeReason: string | null;
  version: number;
  interactionCount: number;
  attributes: Record<string, string>;
  identityAttributes: { emailHash: string | null; phoneHash: string | null };
  genesys: {
    linked: boolean;
    conversationIds: string[];
    widget?: { deploymentId: string; customAttributes: Record<string, string> };
  };
};

export type ProblemAnswer = {
  status: number;
  code: string;
  detail: string;
  errors?: { pointer: string; rule: string; message: string }[];
  conflicts?: string[];
  currentETag?: string;
  current?: GuestAnswer;
};

export const aBody = (parts: Record<string, unknown> = {}): Record<string, unknown> => ({
  consent: { marketing: false, dataProcessing: true },
  ...parts,
});

export type SandboxConversation = {
  id: string;
  state: string;
  participants: { purpose: string; attributes: Record<string, string>; messages: { text: string }[] }[];
};

/** The conversation at Genesys that carries this guest's id. */
export const conversationOf = (sandbox: Client, guestId: string, ms?: number): Promise<SandboxConversation> =>
  until(
    async () =>
      (await sandbox.get<SandboxConversation[]>('/genesys/conversations')).body.findLast((conversation) =>
        conversation.participants.some(({ attributes }) => attributes['guestSessionId'] === guestId),
      ) as SandboxConversation,
    (conversation) => conversation !== undefined,
    ms,
  );
