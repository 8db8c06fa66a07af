import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../json.js';

/** Ids of the CRM's own, told apart by their number. */
export type MakeId = (number: number) => string;
export type Placed = { readonly id: string; readonly change: 'created' | 'updated' | 'unchanged'; readonly at: string };
type Kept = { readonly id: string; readonly values: JsonObject; readonly createdAt: string };

/** What a CRM holds, once by each external id, merged field by field: what is not named stays as it was. */
export class Shelf {
  private kept = new Map<string, Kept>();
  private given = 0;

  constructor(private readonly makeId: MakeId) {}

  put(externalId: string, values: JsonObject): Placed {
    const former = this.kept.get(externalId);
    const at = new Date().toISOString();
    const id = former?.id ?? this.makeId((this.given += 1));
    const next = { ...former?.values, ...values };
    if (former !== undefined && isDeepStrictEqual(former.values, next)) return { id, change: 'unchanged', at };
    this.kept.set(externalId, { id, values: next, createdAt: former?.createdAt ?? at });
    return { id, change: former === undefined ? 'created' : 'updated', at };
  }

  /** By the CRM's own id. False when there is none. */
  remove(id: string): boolean {
    const found = this.list().find((each) => each.id === id);
    return found !== undefined && this.kept.delete(found.externalId);
  }

  /** Oldest first. */
  list(): (Kept & { readonly externalId: string })[] {
    return [...this.kept].map(([externalId, kept]) => ({ externalId, ...kept }));
  }

  records(): JsonObject[] {
    return this.list().map(({ externalId, id, values }) => ({ ...values, externalId, id }));
  }

  clear(): void {
    this.kept.clear();
    this.given = 0;
  }
}
