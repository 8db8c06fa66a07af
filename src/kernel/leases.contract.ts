import { randomUUID } from 'node:crypto';
import { Leases } from './leases.js';

export type LeasesLab = {
  readonly leases: Leases;
  /** The same leases, for another process. */
  readonly others: Leases;
  advance(ms: number): void;
  close(): Promise<void>;
};

/** What every `Leases` promises. */
export function leasesContract(openLab: () => Promise<LeasesLab>): void {
  let lab: LeasesLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  it('gives a name to the first who asks and to nobody else', async () => {
    const name = randomUUID();
    expect(await lab.leases.take(name, 1_000)).toBe(true);
    expect(await lab.others.take(name, 1_000)).toBe(false);
    expect(await lab.others.take(randomUUID(), 1_000)).toBe(true);
  });

  it('gives it to one of many who ask at once', async () => {
    const name = randomUUID();
    const asked = [lab.leases, lab.others, lab.leases, lab.others].map((leases) => leases.take(name, 1_000));
    const answers = await Promise.all(asked);
    expect(answers[0] !== answers[1]).toBe(true);
    expect([answers[2], answers[3]]).toEqual([answers[0], answers[1]]);
  });

  it('renews what the process holds already', async () => {
    const name = randomUUID();
    await lab.leases.take(name, 1_000);
    lab.advance(900);
    expect(await lab.leases.take(name, 1_000)).toBe(true);
    lab.advance(900);
    expect(await lab.others.take(name, 1_000)).toBe(false);
  });

  it('takes it from whoever did not renew it in time', async () => {
    const name = randomUUID();
    await lab.leases.take(name, 1_000);
    lab.advance(999);
    expect(await lab.others.take(name, 1_000)).toBe(false);
    lab.advance(1);
    expect(await lab.others.take(name, 1_000)).toBe(true);
    expect(await lab.leases.take(name, 1_000)).toBe(false);
  });

  it('is free once released, but only its holder can release it', async () => {
    const name = randomUUID();
    await lab.leases.take(name, 1_000);
    await lab.others.release(name);
    expect(await lab.others.take(name, 1_000)).toBe(false);
    await lab.leases.release(name);
    await lab.leases.release(name);
    expect(await lab.others.take(name, 1_000)).toBe(true);
  });
}
