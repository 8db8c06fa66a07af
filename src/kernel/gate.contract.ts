import { randomUUID } from 'node:crypto';
import type { Ask, Gate } from './gate.js';

export type GateLab = {
  readonly gate: Gate;
  /** The same gate, for another process; itself where there is none. */
  readonly others: Gate;
  advance(ms: number): void;
  close(): Promise<void>;
};

const ask = (parts: Partial<Ask> = {}): Ask => ({ perMinute: 400, urgency: 'job', wanted: 1, ...parts });

/** What every `Gate` promises. */
export function gateContract(openLab: () => Promise<GateLab>): void {
  let lab: GateLab;
  let name: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => void (name = randomUUID()));
  afterAll(() => lab.close());

  it('gives a few at once and the rest evenly, to all processes together', async () => {
    const { gate, others } = lab;
    expect(await gate.enter(name, ask({ wanted: 6 }))).toMatchObject({ granted: 6, why: null });
    expect(await others.enter(name, ask({ wanted: 6 }))).toMatchObject({ granted: 4 });
    const refused = await gate.enter(name, ask());
    expect(refused).toMatchObject({ granted: 0, why: 'spent' });
    lab.advance(refused.waitMs);
    expect(await others.enter(name, ask({ wanted: 5 }))).toMatchObject({ granted: 1 });
    expect(await gate.enter(randomUUID(), ask())).toMatchObject({ granted: 1 });
  });

  it('gives each of many who ask at once what is there, once', async () => {
    const asked = Array.from({ length: 30 }, (_, at) => (at % 2 ? lab.gate : lab.others).enter(name, ask()));
    const granted = (await Promise.all(asked)).reduce((sum, entry) => sum + entry.granted, 0);
    expect(granted).toBe(10);
  });

  it('lets no more pass than a rate leaves to all processes together, whatever calls are made', async () => {
    const rates = [
      { count: 10, perMs: 1_000 },
      { count: 15, perMs: 60_000 },
    ];
    await lab.gate.enter(name, ask({ wanted: 9 }));
    const asked = Array.from({ length: 12 }, (_, at) => (at % 2 ? lab.gate : lab.others).pass(name, rates, 1));
    const refused = (await Promise.all(asked)).filter(({ granted }) => granted === 0);
    expect(refused).toHaveLength(2);
    expect(refused[0]!.waitMs).toBeGreaterThanOrEqual(1_000);
    expect(refused[0]!.waitMs).toBeLessThanOrEqual(1_500);
    lab.advance(refused[0]!.waitMs);
    expect(await lab.others.pass(name, rates, 9)).toMatchObject({ granted: 5, waitMs: 0 });
    const { granted, waitMs } = await lab.gate.pass(name, rates, 1);
    expect(granted).toBe(0);
    lab.advance(waitMs);
    expect(await lab.gate.pass(name, rates, 20)).toMatchObject({ granted: 10 });
    expect(await lab.gate.pass(randomUUID(), rates, 1)).toMatchObject({ granted: 1 });
    expect(await lab.gate.enter(name, ask())).toMatchObject({ granted: 1 });
  });

  it('keeps everybody waiting while the remote asks for it', async () => {
    await lab.gate.told(name, 7_000);
    await lab.others.told(name, 2_000);
    expect(await lab.others.enter(name, ask())).toMatchObject({ granted: 0, waitMs: 7_000, why: 'told' });
    lab.advance(6_999);
    expect(await lab.gate.enter(name, ask({ urgency: 'person' }))).toMatchObject({ granted: 0, waitMs: 1 });
    lab.advance(1);
    expect(await lab.others.enter(name, ask())).toMatchObject({ granted: 1 });
  });

  it('closes after five failures in a row, whoever had them, and lets one find out whether it is over', async () => {
    for (const gate of [lab.gate, lab.others, lab.gate, lab.others]) await gate.failed(name);
    expect(await lab.gate.enter(name, ask())).toMatchObject({ granted: 1, troubled: true });
    await lab.gate.failed(name);
    expect(await lab.others.enter(name, ask())).toMatchObject({ granted: 0, waitMs: 500, why: 'broken' });
    lab.advance(500);
    expect(await lab.others.enter(name, ask({ wanted: 9 }))).toMatchObject({ granted: 1 });
    expect(await lab.gate.enter(name, ask())).toMatchObject({ granted: 0, why: 'broken' });
    await lab.others.answered(name);
    expect(await lab.gate.enter(name, ask({ wanted: 2 }))).toMatchObject({ granted: 2, troubled: false });
  });

  it('lets another find out when who was to find out died', async () => {
    for (let failures = 0; failures < 5; failures++) await lab.gate.failed(name);
    lab.advance(500);
    expect(await lab.gate.enter(name, ask())).toMatchObject({ granted: 1 });
    lab.advance(19_999);
    expect(await lab.others.enter(name, ask())).toMatchObject({ granted: 0, why: 'broken' });
    lab.advance(1);
    expect(await lab.others.enter(name, ask())).toMatchObject({ granted: 1 });
  });
}
