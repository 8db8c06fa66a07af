import type { Clock } from './clock.js';
import { answeredAgain, entered, failedOnce, Gate, newGate, toldToWait } from './gate.js';
import type { Ask, Entry, GateState } from './gate.js';
import { nobodyWent, passed } from './rates.js';
import type { Pass, Rate, RatesState } from './rates.js';

/** The gate of a process that shares the remote with nobody, such as a command somebody runs. */
export class LoneGate extends Gate {
  private readonly states = new Map<string, GateState>();
  private readonly went = new Map<string, RatesState>();

  constructor(private readonly clock: Clock) {
    super();
  }

  async enter(name: string, ask: Ask): Promise<Entry> {
    const [state, entry] = entered(this.state(name), ask, this.now());
    this.states.set(name, state);
    return entry;
  }

  async told(name: string, waitMs: number): Promise<void> {
    this.states.set(name, toldToWait(this.state(name), waitMs, this.now()));
  }

  async failed(name: string): Promise<void> {
    this.states.set(name, failedOnce(this.state(name), this.now()));
  }

  async answered(name: string): Promise<void> {
    this.states.set(name, answeredAgain(this.state(name)));
  }

  async pass(name: string, rates: readonly Rate[], wanted: number, arrived?: readonly number[]): Promise<Pass> {
    const [state, pass] = passed(this.went.get(name) ?? nobodyWent, rates, wanted, this.now(), arrived);
    this.went.set(name, state);
    return pass;
  }

  private state(name: string): GateState {
    return this.states.get(name) ?? newGate(this.now());
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}
