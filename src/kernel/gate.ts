import type { Pass, Rate } from './rates.js';

/** Who waits for a call. `person`: somebody at the other end of a request. `job`: nobody. */
export type Urgency = 'person' | 'job';

export type Ask = {
  /** What the remote allows in any minute. */
  readonly perMinute: number;
  readonly urgency: Urgency;
  /** How many calls wait. */
  readonly wanted: number;
};

export type Entry = {
  /** How many of them may go now. */
  readonly granted: number;
  /** When asking again is worth it, in milliseconds; 0 when something was granted. */
  readonly waitMs: number;
  /** Why nothing was granted. `spent`: the minute's allowance. `told`: the remote asked to wait. `broken`: it keeps failing. */
  readonly why: 'spent' | 'told' | 'broken' | null;
  /** The remote has failed lately, so that an answer of it is news. */
  readonly troubled: boolean;
};

/** What is known of one remote, by all processes together. Instants are milliseconds since 1970. */
export type GateState = {
  /** Calls that may go at once, as of `filledAt`. */
  readonly tokens: number;
  readonly filledAt: number;
  /** Until then jobs leave room for people. */
  readonly peopleUntil: number;
  readonly toldUntil: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly openUntil: number;
  /** Somebody finds out whether the remote is back; if they die over it, others do from then on. */
  readonly probeUntil: number;
};

/**
 * The way to a remote that several processes share: one allowance of calls a minute, one pause when the remote asks for it, one breaker. None of
 * it is kept by a process alone, so that ten of them are no heavier on the remote than one.
 */
export abstract class Gate {
  /** Takes of the minute's allowance what may go now: all that was asked for, some of it, or nothing. */
  abstract enter(name: string, ask: Ask): Promise<Entry>;
  /** The remote said when it wants to hear from us again. */
  abstract told(name: string, waitMs: number): Promise<void>;
  /** A call failed in a way that may be the remote's. Several in a row close the way. */
  abstract failed(name: string): Promise<void>;
  /** The remote answered, whatever it said. */
  abstract answered(name: string): Promise<void>;
  /**
   * For what has limits of its own, beside the calls: up to `wanted` may go now, as far as `rates` leave it. `arrived`: the `Pass.at` of some who
   * were long on their way, and have arrived now.
   */
  abstract pass(name: string, rates: readonly Rate[], wanted: number, arrived?: readonly number[]): Promise<Pass>;
}

/**
 * Of the allowance 97 % flow evenly and 2.5 % may go at once, so that no minute, wherever it begins, holds more than 99.5 %. The rest is for calls that
 * take longer to arrive than those after them.
 */
const FLOW = 0.97;
const BURST = 0.025;
/** How much of what may go at once jobs leave to people while there are any. */
const PEOPLE_SHARE = 0.3;
const PEOPLE_STAY_MS = 60_000;

const BREAKS_AFTER = 5;
const OPEN_MS = 500;
/** After an outage something moves again within this time. */
const LONGEST_OPEN_MS = 4_000;
/** Longer than any call takes. */
const PROBE_MS = 20_000;

export const newGate = (now: number): GateState => ({
  // As many as may go at once.
  tokens: Number.MAX_SAFE_INTEGER,
  filledAt: now,
  peopleUntil: 0,
  toldUntil: 0,
  failures: 0,
  openUntil: 0,
  probeUntil: 0,
});

const isBroken = ({ failures }: GateState): boolean => failures >= BREAKS_AFTER;

/** What `Gate.enter` makes of a state, and answers. */
export function entered(state: GateState, ask: Ask, now: number): readonly [GateState, Entry] {
  const refused = (why: 'told' | 'broken', until: number): readonly [GateState, Entry] => [
    state,
    { granted: 0, waitMs: Math.max(1, Math.ceil(until - now)), why, troubled: state.failures > 0 },
  ];
  if (now < state.toldUntil) return refused('told', state.toldUntil);
  if (isBroken(state) && now < state.openUntil) return refused('broken', state.openUntil);
  // A probe mostly knows much sooner than it may take.
  if (isBroken(state) && now < state.probeUntil) return refused('broken', Math.min(state.probeUntil, now + OPEN_MS));
  // What a broken remote is asked is a probe, and one is enough.
  return spent(state, isBroken(state) ? { ...ask, wanted: 1 } : ask, now);
}

/** Takes what is there of the minute's allowance. */
function spent(state: GateState, { perMinute, urgency, wanted }: Ask, now: number): readonly [GateState, Entry] {
  const perMs = (perMinute * FLOW) / 60_000;
  const most = Math.max(1, perMinute * BURST);
  // Clocks differ between machines: the slower one fills nothing, so that never too much is given.
  const filledAt = Math.max(now, state.filledAt);
  const level = Math.min(most, state.tokens + (filledAt - state.filledAt) * perMs);
  const peopleUntil = urgency === 'person' ? now + PEOPLE_STAY_MS : state.peopleUntil;
  const kept = urgency === 'job' && now < peopleUntil && most > 1 ? Math.min(most - 1, most * PEOPLE_SHARE) : 0;
  // A hundredth of a call is a rounding error, and waiting for it would be waiting twice.
  const granted = Math.min(wanted, Math.max(0, Math.floor(level - kept + 0.01)));
  const waitMs = granted > 0 ? 0 : Math.max(1, Math.ceil((1 + kept - level) / perMs));
  const probeUntil = granted > 0 && isBroken(state) ? now + PROBE_MS : state.probeUntil;
  return [
    { ...state, tokens: Math.max(0, level - granted), filledAt, peopleUntil, probeUntil },
    { granted, waitMs, why: granted > 0 ? null : 'spent', troubled: state.failures > 0 },
  ];
}

export const toldToWait = (state: GateState, waitMs: number, now: number): GateState => ({
  ...state,
  toldUntil: Math.max(state.toldUntil, now + waitMs),
});

/** What was under way when the way was closed says nothing new; only a probe does, and after each that fails the pause is twice as long. */
export function failedOnce(state: GateState, now: number): GateState {
  if (isBroken(state) && now < state.openUntil) return state;
  const failures = state.failures + 1;
  if (failures < BREAKS_AFTER) return { ...state, failures };
  const openMs = Math.min(LONGEST_OPEN_MS, OPEN_MS * 2 ** (failures - BREAKS_AFTER));
  return { ...state, failures, openUntil: now + openMs, probeUntil: 0 };
}

export const answeredAgain = (state: GateState): GateState =>
  state.failures === 0 ? state : { ...state, failures: 0, openUntil: 0, probeUntil: 0 };
