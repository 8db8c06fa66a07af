import { setTimeout as sleep } from 'node:timers/promises';

import { expectDocumented } from './documented.js';

export type Answer<T = Record<string, unknown>> = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
};

/** Plain HTTP, so that tests say what is on the wire. What the service answers is compared with its own description, every time. */
export class Client {
  constructor(
    readonly url: string,
    private readonly token?: string,
  ) {}

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
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
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
    const text = await response.text();
    if (!this.isSandbox)
      await expectDocumented(this.url, { method, path }, { status: response.status, headers: response.headers, text });
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? undefined : JSON.parse(text)) as T,
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
