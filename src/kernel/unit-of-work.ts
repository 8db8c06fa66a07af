/**
 * All or nothing. What stores write inside `run` becomes durable together before `run` resolves, or not at all.
 *
 * Stores find the current unit themselves, so no transaction travels through signatures, and a nested `run` joins the outer one.
 * A unit may be run again from its start when the transaction it shared had to be repeated: apart from what it writes through
 * stores it must have no effect. No network inside; the outbox carries what has to leave.
 */
export abstract class UnitOfWork {
  /** `about` is the subject that is going to change, when that is known beforehand: what many units will look up is then read together. */
  abstract run<T>(work: () => Promise<T>, about?: string): Promise<T>;

  /** Calls `then` once the current unit is durable; at once when there is none. Only a hint: it is lost if the process dies. */
  abstract afterCommit(then: () => void): void;
}
