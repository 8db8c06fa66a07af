import { momentOf, type Effect, type FaultOrder, type Moment } from './fault.js';

/** A fault that waits for its calls; `left` is how many it will still touch. */
export type Fault = FaultOrder & {
  readonly id: string;
  readonly moment: Moment;
  left: number;
  readonly dice: () => number;
};

/** What a call looks like to a fault: `operation` is `upsert`, `login`, `websocket` or `notifications` where it is one of those. */
export type Call = { readonly target: string; readonly operation: string | null; readonly path: string };

const named = new Set(['upsert', 'login', 'websocket', 'notifications']);

/** The faults in force, in the order they were given. A call suffers the first that matches, and uses one of its times. */
export class Faults {
  private faults: Fault[] = [];
  private given = 0;
  private readonly waiting = new Set<() => void>();

  add(order: FaultOrder): Fault {
    this.given += 1;
    const { seed } = order.effect;
    const dice = seed === undefined ? Math.random : seeded(seed);
    const fault: Fault = { id: `fault-${this.given}`, ...order, moment: momentOf(order), left: order.times, dice };
    this.faults.push(fault);
    return fault;
  }

  list(): readonly Fault[] {
    return this.faults;
  }

  /** Takes one away; what it is holding up is held up still. False when there is none of this id. */
  remove(id: string): boolean {
    const { length } = this.faults;
    this.faults = this.faults.filter((each) => each.id !== id);
    return this.faults.length < length;
  }

  /** Takes all away, and lets go at once of whatever a fault was holding up. */
  clear(): void {
    this.faults = [];
    for (const release of [...this.waiting]) release();
  }

  /** The effect a call suffers at this moment, or null. `touches` leaves out a fault that would change nothing here. */
  take(moment: Moment, call: Call, touches: (effect: Effect) => boolean = () => true): Effect | null {
    if (this.faults.length === 0) return null;
    const fault = this.faults.find(
      (each) => each.moment === moment && matches(each, call) && touches(each.effect) && strikes(each),
    );
    if (fault === undefined) return null;
    this.use(fault, 1);
    return fault.effect;
  }

  /** Counts touches; a fault that has none left is gone. */
  use(fault: Fault, times: number): void {
    fault.left -= times;
    if (fault.left <= 0) this.faults = this.faults.filter((each) => each !== fault);
  }

  /** Waits as a fault says, but never longer than the faults last. */
  pause(ms: number | undefined): Promise<void> {
    if (ms === undefined || ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const release = () => {
        clearTimeout(timer);
        this.waiting.delete(release);
        resolve();
      };
      const timer = setTimeout(release, ms).unref();
      this.waiting.add(release);
    });
  }
}

function matches(fault: Fault, call: Call): boolean {
  if (fault.target !== call.target) return false;
  return named.has(fault.match) ? fault.match === call.operation : call.path.includes(fault.match);
}

function strikes({ effect, dice }: Fault): boolean {
  return effect.random === undefined || dice() < effect.random;
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
