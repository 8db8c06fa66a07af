import type { Erasure, ErasureState } from '../erasure.js';

export type ErasureQuery = { readonly state?: ErasureState; readonly cursor?: string; readonly limit: number };
export type ErasurePage = { readonly items: Erasure[]; readonly nextCursor: string | null };

/** Which guests were to be erased, and what became of it. Kept when the guests are gone: it is the proof. */
export abstract class ErasureStore {
  /** Joins the current unit of work. One a guest. */
  abstract add(erasure: Erasure): Promise<void>;
  /** Null when there is none. */
  abstract find(id: string): Promise<Erasure | null>;
  /** Newest first. @throws AppError `request.invalid` for a cursor of another list */
  abstract list(query: ErasureQuery): Promise<ErasurePage>;
  /** How many there are in each of these states. */
  abstract count(states: readonly ErasureState[]): Promise<ReadonlyMap<ErasureState, number>>;
  /** Null when nobody has asked for it. */
  abstract ofGuest(guestId: string): Promise<Erasure | null>;
  /**
   * Reads, changes and writes one; two callers cannot overwrite each other. Writes nothing if `change` throws, or answers what it was given.
   * Null when there is none.
   */
  abstract update(id: string, change: (erasure: Erasure) => Erasure): Promise<Erasure | null>;
}
