import { randomUUID } from 'node:crypto';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { SystemClock } from '../../kernel/clock.js';
import { AppError } from '../../kernel/app-error.js';
import { withRunContext } from '../../kernel/run-context.js';
import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import { Lab } from '../../sandbox/lab.contract.js';
import type { SandboxOptions } from '../../sandbox/sandbox.js';
import { settingsOf } from './genesys-lab.contract.js';
import { openPlatform } from './platform.js';
import type { Platform } from './platform.js';
import { PlatformConversations } from './platform-conversations.js';
import { PlatformLimits } from './platform-limits.js';

const gateOf = (lab: Lab): string => `genesys:${settingsOf(lab).clientId}`;
const at = (request: unknown): number => Date.parse((request as { at: string }).at);
const asJob = <T>(work: () => T): T => withRunContext({ id: randomUUID(), actor: 'job:test' }, work);

type Replica = Platform & { readonly calls: PlatformConversations; readonly limits: PlatformLimits };

describe('Processes that share an organisation', () => {
  const clock = new SystemClock();
  let storage: TestStorage;
  let lab: Lab;
  let replicas: [Replica, Replica];
  beforeAll(async () => void (storage = await openTestStorage('embedded', { clock })), 60_000);
  afterAll(() => storage.close());
  afterEach(() => lab.close());

  const open = async (options: SandboxOptions = {}): Promise<void> => {
    lab = await Lab.open(options);
    const another = await storage.openAnother();
    const settings = settingsOf(lab);
    await storage.gate.answered(gateOf(lab));
    const replica = (gate: TestStorage['gate']): Replica => {
      const platform = openPlatform(settings, gate);
      const limits = new PlatformLimits(platform.client, platform.queue, clock);
      return { ...platform, calls: new PlatformConversations(platform.client), limits };
    };
    replicas = [replica(storage.gate), replica(another.gate)];
    for (const { calls } of replicas) await calls.ping();
  };
  const received = async (part: string) => (await lab.requests()).filter(({ path }) => path.includes(part));
  const lookUp = ({ calls }: Replica): Promise<string | null> => asJob(() => calls.ofMessage(randomUUID()));

  it('use what the organisation grants them together, to more than 95 %, and never more', async () => {
    await open({ limits: { requestsPerTokenPerMinute: 2_400 } });
    for (const { limits, queue } of replicas) {
      await limits.keepFresh();
      expect(queue.perMinute).toBe(2_400);
    }
    await Promise.all(Array.from({ length: 240 }, (_, index) => lookUp(replicas[index % 2]!)));
    const times = (await received('/details')).map(at).sort((a, b) => a - b);
    expect(times).toHaveLength(240);
    // 40 a second.
    expect(times.at(-1)! - times[0]!).toBeLessThan((240 / 40 / 0.95) * 1_000);
    const inSecond = times.map((time) => times.filter((other) => other >= time && other < time + 1_000).length);
    expect(Math.max(...inSecond)).toBeLessThanOrEqual(40 + 0.025 * 2_400);
  }, 60_000);

  it('let a person pass while jobs wait', async () => {
    await open();
    const [one, two] = replicas;
    const jobs = Array.from({ length: 24 }, (_, index) => lookUp(index % 2 ? one : two).catch(() => null));
    await until(async () => (await received('/details')).length >= 4);
    const startedAt = performance.now();
    await two.calls.ping();
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    expect((await received('/details')).length).toBeLessThan(22);
    await Promise.all(jobs);
  }, 60_000);

  it('send jobs away that would wait long, each with a time of its own to come back', async () => {
    await open();
    const outcomes = await Promise.allSettled(Array.from({ length: 80 }, () => lookUp(replicas[0])));
    const waits = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as AppError).retryAfterMs!] : [],
    );
    expect(waits.length).toBeGreaterThan(40);
    for (const [index, waitMs] of waits.entries())
      if (index > 0) expect(waitMs - waits[index - 1]!).toBeGreaterThan(150);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { kind: 'throttled', code: 'genesys.paced' },
    });
  }, 60_000);

  it('all wait when one of them is told to, for exactly as long', async () => {
    await open();
    await lab.fault('genesys', '/details', { status: 429, headers: { 'Retry-After': '7' } });
    const [one, two] = replicas;
    const told = lookUp(one);
    await until(async () => (await received('/details')).length === 1);
    await until(async () => (await storage.gate.enter(gateOf(lab), LOOK)).why === 'told');
    await Promise.all([told, lookUp(two), one.calls.ping(), two.calls.ping()]);
    const [refused, ...later] = (await received('/api/v2/')).slice(2).map(at);
    expect(later).toHaveLength(4);
    for (const time of later) expect(time - refused!).toBeGreaterThanOrEqual(6_990);
    expect(Math.min(...later) - refused!).toBeLessThan(9_000);
  }, 60_000);

  it('leave one that keeps failing alone but for a probe, and are back within five seconds of its return', async () => {
    await open();
    await lab.fault('genesys', '/details', { status: 503 }, 100_000);
    const keepsAsking = async (replica: Replica): Promise<number> => {
      for (;;) {
        const outcome = await lookUp(replica).then(
          () => null,
          (error: AppError) => error,
        );
        if (outcome === null) return Date.now();
        expect(outcome.kind).toBe('unavailable');
        await new Promise((resolve) => setTimeout(resolve, Math.min(outcome.retryAfterMs ?? 250, 1_000)));
      }
    };
    const asking = Promise.all(Array.from({ length: 20 }, (_, index) => keepsAsking(replicas[index % 2]!)));
    await until(async () => (await received('/details')).length >= 5);
    const before = (await received('/details')).length;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await received('/details')).length - before).toBeLessThan(8);
    const backAt = Date.now();
    await lab.http('DELETE', '/sandbox/faults');
    expect(Math.min(...(await asking)) - backAt).toBeLessThan(5_000);
  }, 60_000);

  it('fail no caller when tokens end in the middle of load', async () => {
    await open({ tokenSeconds: 2, limits: { requestsPerTokenPerMinute: 6_000 } });
    for (const { limits } of replicas) await limits.keepFresh();
    const outcomes: Promise<unknown>[] = [];
    for (let round = 0; round < 30; round++) {
      if (round % 10 === 5) await lab.fault('genesys', 'login', { expireToken: true });
      outcomes.push(...replicas.flatMap((replica) => [lookUp(replica), lookUp(replica), replica.calls.ping()]));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await Promise.all(outcomes);
    expect((await received('/oauth/token')).length).toBeGreaterThanOrEqual(6);
  }, 60_000);
});

/** Looks without taking anything. */
const LOOK = { perMinute: 300, urgency: 'job', wanted: 0 } as const;
