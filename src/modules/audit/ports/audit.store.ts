import type { Entry, Happening, Subject } from '../audit.js';

export type EntryPage = { readonly items: readonly Entry[]; readonly nextCursor: string | null };

export type EntryQuery = {
  readonly subject?: Subject;
  /** As `nextCursor` of the page before. */
  readonly cursor?: string;
  readonly limit: number;
};

/** Append-only. There is no way to change or remove an entry. */
export abstract class AuditStore {
  /**
   * Puts what happened at the end of its subject's chain, in the current unit of work. Two units appending to one chain
   * cannot take the same place: the head is locked until commit.
   */
  abstract append(happening: Happening): Promise<void>;
  /** By subject: in chain order. Without one: oldest first over all. The cursor stays valid while entries are added. */
  abstract list(query: EntryQuery): Promise<EntryPage>;
}
