import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { AppError } from '../../kernel/app-error.js';
import { hostOf, isReachable, urlFault, WebhookSender } from '../../modules/webhooks/index.js';
import type { Reach } from '../../modules/webhooks/index.js';
import { addressRefused, guardedLookup, systemResolver } from './guarded-lookup.js';
import type { Resolver } from './guarded-lookup.js';

export type SenderOptions = {
  readonly reach: Reach;
  /** From looking the name up to the status of the answer, in milliseconds. */
  readonly timeoutMs?: number;
  readonly resolver?: Resolver;
};

/** How long a receiver may take. Standard Webhooks 1.0.0 advises 15 to 30 seconds. */
export const TIMEOUT_MS = 15_000;
/** Of an answer nobody reads, so much is let in that a usual one can end by itself. */
const IGNORED_BYTES = 64 * 1_024;

/** Node's own client: it follows no redirect, knows no proxy, and connects to the addresses its `lookup` gives it. */
export class HttpWebhookSender extends WebhookSender {
  private readonly reach: Reach;
  private readonly timeoutMs: number;
  private readonly options: RequestOptions;
  /** A connection serves one attempt: kept open it would outlive the check of its address. */
  private readonly agents = { 'http:': new HttpAgent(), 'https:': new HttpsAgent() };

  constructor({ reach, timeoutMs = TIMEOUT_MS, resolver = systemResolver }: SenderOptions) {
    super();
    this.reach = reach;
    this.timeoutMs = timeoutMs;
    this.options = { method: 'POST', lookup: guardedLookup(reach, resolver) };
  }

  async post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
    const to = new URL(url);
    const host = hostOf(to);
    // What is an address already is not looked up, and what was registered under other rules is not sent.
    if (urlFault(url, this.reach) !== null || (isIP(host) !== 0 && !isReachable(host, this.reach)))
      throw addressRefused();
    const signal = AbortSignal.timeout(this.timeoutMs);
    try {
      return await this.exchange(to, headers, body, signal);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw signal.aborted
        ? new AppError('unavailable', 'webhook.timeout', `The endpoint did not answer within ${this.timeoutMs} ms.`)
        : new AppError('unavailable', 'webhook.silent', 'The endpoint could not be reached, or did not answer.');
    }
  }

  private exchange(
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<number> {
    const protocol = url.protocol as keyof typeof this.agents;
    const send = protocol === 'https:' ? httpsRequest : httpRequest;
    const length = String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const request = send(url, {
        ...this.options,
        agent: this.agents[protocol],
        headers: { 'user-agent': 'guest-manager-webhooks/1', ...headers, 'content-length': length },
        signal,
      });
      // Stays for what still happens to the connection after the status is known.
      request.on('error', reject);
      request.on('response', (response) => {
        ignore(response);
        resolve(response.statusCode!);
      });
      request.end(body);
    });
  }
}

function ignore(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > IGNORED_BYTES) response.destroy();
  });
}
