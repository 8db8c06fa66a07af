import { setTimeout as sleep } from 'node:timers/promises';
import { Apart } from '../apart.js';
import type { ServiceApart } from '../apart.js';
import { aBody, until } from '../client.js';
import type { Answer, Client } from '../client.js';
import { randomFaults, refusals } from './faults.js';
import { campaignsOf, stepsOf } from './guests.js';
import type { Step } from './guests.js';
import { judge } from './verdict.js';
import type { Guest, Held, Letter, Verdict } from './verdict.js';

export type StormOptions = {
  readonly crms: readonly string[];
  readonly guests: number;
  readonly kills: number;
  /** Of all calls to a CRM, how many fail. */
  readonly share: number;
  readonly seed: number;
  /** Guests made or changed in a second, at most. */
  readonly stepsPerSecond: number;
  readonly say?: (sentence: string) => void;
};
export type StormReport = {
  readonly steps: number;
  readonly seconds: number;
  /** From the last change, with nothing going wrong any more, until nothing was left to be sent. */
  readonly drainSeconds: number;
  readonly crms: Readonly<Record<string, Verdict & Trouble>>;
  /** Guests that are not in the service as they were acknowledged. */
  readonly lost: number;
};

/** How many calls a CRM has had, and how many of them each fault has struck, in the order of `randomFaults`. */
type Trouble = { readonly calls: number; readonly struck: readonly number[] };
type Made = { readonly id: string; readonly campaign: string };
type Status = { readonly crm: string; readonly waiting: number; readonly chunksUnderWay: number };

const WRITERS = 8;
/** A lease of a process that died runs out, and the longest wait ends. */
const DRAINED_WITHIN_MS = 240_000;

/**
 * Guests are made and changed while every CRM misbehaves at random and the service is killed again and again; then the CRMs behave, what is
 * left is sent, and what each CRM holds and has refused is compared with the guests there are.
 */
export async function crmStorm(options: StormOptions): Promise<StormReport> {
  const apart = await Apart.open({ CRMS: options.crms.join(',') });
  const storm = new Storm(apart, options);
  try {
    return await storm.run();
  } finally {
    storm.isOver = true;
    await apart.close();
  }
}

class Storm {
  /** Nobody is to wait for a service any more. */
  isOver = false;
  private readonly say = this.options.say ?? (() => undefined);
  private running: Promise<ServiceApart> = this.apart.service();
  /** By guest, what came of its last step. */
  private readonly made = new Map<number, Promise<Made>>();
  private done = 0;

  constructor(
    private readonly apart: Apart,
    private readonly options: StormOptions,
  ) {}

  async run(): Promise<StormReport> {
    const startedAt = performance.now();
    const { crms, guests, share, seed } = this.options;
    // The minute's allowance of a Genesys organisation is no fault.
    await this.sandbox('PATCH', '/genesys/organization', { limits: { requestsPerTokenPerMinute: null } });
    const random: string[] = [];
    for (const crm of crms) {
      for (const order of randomFaults(crm, share, seed)) random.push(await this.order(order));
      for (const order of refusals(crm, seed)) await this.order(order);
    }
    const steps = stepsOf(guests);
    await Promise.all([this.killAgainAndAgain(steps.length), ...this.write(steps)]);
    const struck = await this.struck(random);
    for (const id of random) await this.sandbox('DELETE', `/faults/${id}`);
    const calls = await this.calls();
    const calmAt = performance.now();
    this.say(`${steps.length} steps are done; the CRMs behave from now on`);
    await this.drained();
    const drainSeconds = secondsSince(calmAt);
    const all = await this.guests();
    const judged: StormReport['crms'] = Object.fromEntries(
      await Promise.all(
        crms.map(async (crm) => {
          const verdict = judge(
            crm,
            all,
            await this.sandbox<Held[]>('GET', `/crm/${crm}/records`),
            await this.letters(crm),
          );
          return [crm, { ...verdict, calls: calls(crm), struck: struck(crm) }] as const;
        }),
      ),
    );
    const lost = await this.lost(all);
    return { steps: steps.length, seconds: secondsSince(startedAt), drainSeconds, crms: judged, lost };
  }

  /** As power cuts would, evenly over all steps, while calls are under way. */
  private async killAgainAndAgain(steps: number): Promise<void> {
    const { kills } = this.options;
    for (let kill = 1; kill <= kills; kill++) {
      while (!this.isOver && this.done < (steps * kill) / (kills + 1)) await sleep(10);
      if (this.isOver) return;
      const { service } = await this.running;
      this.running = service.stop('SIGKILL').then(() => this.apart.service());
      await this.running;
      this.say(`killed and started again after ${this.done} of ${steps} steps`);
    }
  }

  private write(steps: readonly Step[]): Promise<void>[] {
    const left = [...steps];
    const pauseMs = (WRITERS * 1_000) / this.options.stepsPerSecond;
    return Array.from({ length: WRITERS }, async () => {
      for (let step = left.shift(); step !== undefined; step = left.shift()) {
        const from = performance.now();
        const made = this.take(step, this.made.get(step.guest));
        this.made.set(step.guest, made);
        await made;
        this.done += 1;
        await sleep(Math.max(0, pauseMs - (performance.now() - from)));
      }
    });
  }

  private async take({ guest, change }: Step, former: Promise<Made> | undefined): Promise<Made> {
    const campaign = campaignsOf(guest)[change]!;
    const key = { 'idempotency-key': `step-${guest}-${change}` };
    const channelContext = { campaignId: campaign };
    if (former === undefined) {
      const body = aBody({ mode: 'widget', email: `guest-${guest}@example.com`, channelContext });
      return { id: (await this.acknowledged((api) => api.post<Guest>('/v1/guests', body, key))).id, campaign };
    }
    const { id } = await former;
    const body = { channelContext, consent: { marketing: change % 2 === 1 } };
    await this.acknowledged((api) => api.patch<Guest>(`/v1/guests/${id}`, body, { ...key, 'if-match': '*' }));
    return { id, campaign };
  }

  /** Asks until it is answered, whichever process lives: under its key nothing is done twice. */
  private async acknowledged(ask: (api: Client) => Promise<Answer<Guest>>): Promise<Guest> {
    for (;;) {
      if (this.isOver) throw new Error('the storm was over before all steps were done');
      const { api } = await this.running;
      const answer = await ask(api).catch(unlessBroken);
      if (answer !== null && answer.status < 300) return answer.body;
      // Of somebody who died with it, the service may believe for a moment that they are still at it.
      if (answer !== null && answer.status !== 409 && answer.status !== 503)
        throw new Error(`a step was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      await sleep(20);
    }
  }

  private async drained(): Promise<void> {
    await until(
      async () => (await this.ask<{ items: Status[] }>('/v1/crm-sync')).items,
      (items) => items.every(({ waiting, chunksUnderWay }) => waiting === 0 && chunksUnderWay === 0),
      DRAINED_WITHIN_MS,
    );
  }

  private guests(): Promise<Guest[]> {
    return this.pages('/v1/guests?limit=500');
  }

  private letters(crm: string): Promise<Letter[]> {
    return this.pages(`/v1/crm-sync/dead-letters?crm=${crm}&limit=100`);
  }

  private async lost(all: readonly Guest[]): Promise<number> {
    const campaigns = new Map(all.map(({ id, channelContext }) => [id, channelContext.campaignId]));
    const made = await Promise.all(this.made.values());
    return (
      made.filter(({ id, campaign }) => campaigns.get(id) !== campaign).length + Math.abs(all.length - made.length)
    );
  }

  /** How many calls each CRM has had. */
  private async calls(): Promise<(crm: string) => number> {
    const requests = await this.sandbox<{ target: string }[]>('GET', '/requests');
    return (crm) => requests.filter(({ target }) => target === `crm/${crm}`).length;
  }

  /** How many calls each of these faults has struck, by CRM. */
  private async struck(ids: readonly string[]): Promise<(crm: string) => number[]> {
    type Listed = { id: string; target: string; times: number; left: number };
    const faults = (await this.sandbox<Listed[]>('GET', '/faults')).filter(({ id }) => ids.includes(id));
    return (crm) => faults.filter(({ target }) => target === `crm/${crm}`).map(({ times, left }) => times - left);
  }

  private async order(order: object): Promise<string> {
    return (await this.sandbox<{ id: string }>('POST', '/faults', order)).id;
  }

  private async pages<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { items: T[]; nextCursor: string | null } = await this.ask(path + from);
      items.push(...page.items);
      cursor = page.nextCursor;
    }
    return items;
  }

  private async ask<T>(path: string): Promise<T> {
    const { status, body } = await (await this.running).api.get<T>(path);
    if (status !== 200) throw new Error(`${path} was answered ${status}`);
    return body;
  }

  private async sandbox<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.apart.sandbox.call<T>(method, path, body);
    if (answer.status >= 300) throw new Error(`the sandbox answered ${method} ${path} with ${answer.status}`);
    return answer.body;
  }
}

/** A connection that broke is null: `fetch` says so by a TypeError. */
function unlessBroken(error: unknown): null {
  if ((error as Error).name === 'TypeError') return null;
  throw error;
}

const secondsSince = (from: number): number => Math.round((performance.now() - from) / 100) / 10;
