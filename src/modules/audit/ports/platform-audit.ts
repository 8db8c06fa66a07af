/** A service that keeps an audit, the entities it audits, and what can happen to each. */
export type AuditedService = {
  readonly name: string;
  readonly entities: readonly { readonly name: string; readonly actions: readonly string[] }[];
};

export type PlatformQuery = {
  readonly service: string;
  readonly from: Date;
  readonly until: Date;
  readonly entityType?: string;
  readonly entityId?: string;
  readonly action?: string;
};

/** Something that happened at Genesys Cloud, as its own audit has it. */
export type PlatformEntry = {
  readonly id: string;
  readonly at: string;
  readonly service: string;
  readonly entityType: string | null;
  readonly entityId: string | null;
  readonly action: string | null;
  readonly status: string | null;
  /** By id: a person's name is Genesys Cloud's to show. */
  readonly userId: string | null;
  readonly clientId: string | null;
  readonly application: string | null;
  /** What changed, by name. Values stay where who may see them is known. */
  readonly changed: readonly string[];
};

export type PlatformEntries = { readonly items: readonly PlatformEntry[]; readonly cursor: string | null };

/** Which of two ways a query goes: `realtime` answers at once, of the last 14 days and for fewer services; `query` takes its time. */
export type Way = 'realtime' | 'query';

/** Genesys Cloud's own audit. Failures are AppErrors; without the permission it is `genesys.forbidden`. */
export abstract class PlatformAudit {
  /** What can be asked for by this way. */
  abstract services(way: Way): Promise<AuditedService[]>;
  /** One page, newest first; pages count from 1. */
  abstract recent(query: PlatformQuery, page: number, limit: number): Promise<PlatformEntries>;
  /** Begins a query and answers its id. */
  abstract begin(query: PlatformQuery): Promise<string>;
  /** How a query stands. Null when there is none by this id. */
  abstract progress(queryId: string): Promise<'running' | 'done' | 'failed' | null>;
  /** A page of a query that is done, newest first; the first without a cursor. */
  abstract results(queryId: string, cursor: string | null, limit: number): Promise<PlatformEntries>;
}
