import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { startSandbox, type Sandbox, type SandboxOptions } from './sandbox.js';

// The specs' own tools. The name keeps them out of the build, as with contracts.

/** An answer as a test looks at it. */
export type Answered<T = unknown> = { readonly status: number; readonly headers: Headers; readonly body: T };

/** A frame as a test looks at it. Errors have a text for a body; then none of its fields is there. */
export type Heard = {
  readonly type: string;
  readonly class: string;
  readonly code: number;
  readonly body: {
    readonly id: string;
    readonly text?: string;
    readonly direction?: string;
    readonly type?: string;
    readonly jwt?: string;
    readonly newSession?: boolean;
    readonly originatingEntity?: string;
    readonly events?: { readonly eventType: string; readonly presence?: { readonly type: string } }[];
    readonly channel?: { readonly time: string; readonly messageId?: string; readonly metadata?: object };
    readonly metadata?: Record<string, string>;
  };
  readonly tracingId?: string;
};

/** A conversation as the controls show it. */
export type Shown = {
  readonly id: string;
  readonly externalTag: string | null;
  readonly state: string;
  readonly participants: {
    readonly id: string;
    readonly purpose: string;
    readonly attributes: Record<string, string>;
    readonly messages: {
      readonly id: string;
      readonly text: string;
      readonly files?: readonly { readonly fileName: string; readonly bytes: number }[];
    }[];
  }[];
};

/** A request as the controls show it. */
export type Received = {
  readonly target: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
  /** Of a frame: which connection it came by, counted from 1. */
  readonly connection?: number;
};

/** Any text, for comparing. */
export const someText: unknown = expect.any(String);

/** A sandbox on a free port, and hands to reach it with. */
export class Lab {
  private readonly guests: TestGuest[] = [];

  private constructor(readonly sandbox: Sandbox) {}

  static async open(options: SandboxOptions = {}): Promise<Lab> {
    return new Lab(await startSandbox({ port: 0, botDelayMs: 10, lookupDelayMs: 40, ...options }));
  }

  async close(): Promise<void> {
    for (const guest of this.guests) guest.hangUp();
    await this.sandbox.close();
  }

  /** Sends JSON, or text as it is. */
  async http<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered<T>> {
    const response = await fetch(`${this.sandbox.url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as T };
  }

  fault(target: string, match: string, effect: object, times = 1): Promise<Answered> {
    return this.http('POST', '/sandbox/faults', { target, match, effect, times });
  }

  async login(): Promise<string> {
    const { clientId, clientSecret } = this.sandbox.connection.genesys;
    const answered = await this.http<{ access_token: string }>(
      'POST',
      '/oauth/token',
      'grant_type=client_credentials',
      {
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
    );
    return answered.body.access_token;
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<Answered<T>> {
    return this.http(method, `/api/v2${path}`, body, { authorization: `Bearer ${await this.login()}` });
  }

  async conversations(): Promise<Shown[]> {
    return (await this.http<Shown[]>('GET', '/sandbox/genesys/conversations')).body;
  }

  async requests(): Promise<Received[]> {
    return (await this.http<Received[]>('GET', '/sandbox/requests')).body;
  }

  batch(
    records: readonly object[],
    key: string = randomUUID(),
    headers: Record<string, string> = {},
  ): Promise<Answered> {
    return this.http(
      'POST',
      '/crm/rest/batch',
      { idempotencyKey: key, records },
      {
        authorization: `Bearer ${this.sandbox.connection.crms['rest']?.['token']}`,
        'idempotency-key': key,
        ...headers,
      },
    );
  }

  /** Logs in at Salesforce. */
  salesforceLogin(
    secret = this.sandbox.environment['SALESFORCE_CLIENT_SECRET']!,
  ): Promise<Answered<{ access_token: string; error: string }>> {
    const credentials = {
      grant_type: 'client_credentials',
      client_id: this.sandbox.environment['SALESFORCE_CLIENT_ID']!,
      client_secret: secret,
    };
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = new URLSearchParams(credentials).toString();
    return this.http('POST', '/crm/salesforce/services/oauth2/token', form, headers);
  }

  /** Upserts rows by these external ids at Salesforce. */
  async salesforce(...ids: string[]): Promise<Answered<unknown>> {
    return this.salesforceUpsert((await this.salesforceLogin()).body.access_token, ...ids);
  }

  salesforceUpsert(token: string, ...ids: string[]): Promise<Answered<unknown>> {
    const path = '/crm/salesforce/services/data/v62.0/composite/sobjects/Guest__c/Guest_Id__c';
    const records = ids.map((id) => ({ attributes: { type: 'Guest__c' }, Guest_Id__c: id }));
    return this.http('PATCH', path, { allOrNone: false, records }, { authorization: `Bearer ${token}` });
  }

  async records(): Promise<object[]> {
    return (await this.http<object[]>('GET', '/sandbox/crm/rest/records')).body;
  }

  /** A connected guest, not yet configured. */
  async guest(token: string = randomUUID()): Promise<TestGuest> {
    const { webmessagingUrl, deploymentId, origin } = this.sandbox.connection.genesys;
    const socket = new WebSocket(`${webmessagingUrl}/v1?deploymentId=${deploymentId}`, { origin });
    const guest = new TestGuest(socket, token, deploymentId);
    this.guests.push(guest);
    await once(socket, 'open');
    return guest;
  }

  /** A guest with a session. */
  async configured(token?: string): Promise<TestGuest> {
    const guest = await this.guest(token);
    await guest.configure();
    return guest;
  }
}

/** A guest on a real WebSocket. */
export class TestGuest {
  readonly frames: Heard[] = [];
  closedWith: number | null = null;
  private readonly watchers = new Set<() => void>();

  constructor(
    readonly socket: WebSocket,
    readonly token: string,
    private readonly deploymentId: string,
  ) {
    socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as Heard);
      for (const look of [...this.watchers]) look();
    });
    socket.on('close', (code) => {
      this.closedWith = code;
      for (const look of [...this.watchers]) look();
    });
    socket.on('error', () => undefined);
  }

  /** Sends a request and waits for the answer with its tracing id. */
  async ask(action: string, fields: object = {}): Promise<Heard> {
    const tracingId = this.tell(action, fields);
    return this.heard((frame) => frame.tracingId === tracingId);
  }

  /** Sends a request and goes on. */
  tell(action: string, fields: object = {}): string {
    const tracingId = randomUUID();
    this.socket.send(JSON.stringify({ action, token: this.token, tracingId, ...fields }));
    return tracingId;
  }

  configure(fields: object = {}): Promise<Heard> {
    return this.ask('configureSession', { deploymentId: this.deploymentId, startNew: false, ...fields });
  }

  say(text: string, customAttributes?: Record<string, unknown>): Promise<Heard> {
    return this.ask('onMessage', { message: textOf(text, customAttributes) });
  }

  presence(type: string, customAttributes?: Record<string, string>): Promise<Heard> {
    const message = { type: 'Event', events: [{ eventType: 'Presence', presence: { type } }] };
    return this.ask('onMessage', { message: { ...message, ...channelOf(customAttributes) } });
  }

  /** The first frame, past or to come, that fits. */
  heard(fits: (frame: Heard) => boolean): Promise<Heard> {
    return this.until(() => this.frames.find(fits) ?? null);
  }

  closed(): Promise<number> {
    return this.until(() => this.closedWith);
  }

  hangUp(): void {
    this.socket.terminate();
  }

  private until<T>(look: () => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.watchers.delete(watch);
        reject(new Error(`not heard; heard were ${JSON.stringify(this.frames)}`));
      }, 3000);
      const watch = () => {
        const found = look();
        if (found === null) return;
        clearTimeout(timer);
        this.watchers.delete(watch);
        resolve(found);
      };
      this.watchers.add(watch);
      watch();
    });
  }
}

/** A text message of a guest. */
export function textOf(text: string, customAttributes?: Record<string, unknown>): object {
  return { type: 'Text', text, ...channelOf(customAttributes) };
}

/** Waits a moment. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function channelOf(customAttributes: Record<string, unknown> | undefined): object {
  return customAttributes === undefined ? {} : { channel: { metadata: { customAttributes } } };
}
