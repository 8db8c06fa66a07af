import type { Erasure } from '../erasure.js';

/** Which guests were to be erased, and what became of it. Kept when the guests are gone: it is the proof. */
export abstract class ErasureStore {
  /** Joins the current unit of work. One a guest. */
  abstract add(erasure: Erasure): Promise<void>;
  /** Null when there is none. */
  abstract find(id: string): Promise<Erasure | null>;
  /** Null when nobody has asked for it. */
  abstract ofGuest(guestId: string): Promise<Erasure | null>;
  /**
   * Reads, changes and writes one; two callers cannot overwrite each other. Writes nothing if `change` throws, or answers what it was given.
   * Null when there is none.
   */
  abstract update(id: string, change: (erasure: Erasure) => Erasure): Promise<Erasure | null>;
}
