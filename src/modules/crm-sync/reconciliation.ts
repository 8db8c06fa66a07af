import { hash } from 'node:crypto';
import { canonicalJson } from '../../kernel/canonical-json.js';
import { UUID } from '../../kernel/uuid.js';
import type { CrmRecord, HeldRecord, Standing } from './crm-sync.js';

/**
 * `reading` the CRM's pages, `sweeping` our own records for those it did not show, `found`: over; `repairing` what was found, `repaired`;
 * `failed`: the CRM could not be read to its end.
 */
export const RECONCILIATION_STATES = ['reading', 'sweeping', 'found', 'repairing', 'repaired', 'failed'] as const;
export type ReconciliationState = (typeof RECONCILIATION_STATES)[number];

export const DRIFT_KINDS = ['missing', 'extra', 'different'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** One comparison of a CRM with what it should hold. */
export type Reconciliation = {
  readonly id: string;
  readonly crm: string;
  readonly trigger: 'schedule' | 'request';
  readonly state: ReconciliationState;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly cursor: string | null;
  readonly pages: number;
  /** Records of the CRM that were looked at. */
  readonly records: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Records sent again. */
  readonly repaired: number;
  /** When it goes on; null when it is over. */
  readonly dueAt: Date | null;
  /** Which lease this is: only the last holder may write. */
  readonly leases: number;
  /** What the CRM last failed with. */
  readonly code: string | null;
};

/** One record in which a CRM is not as it should be. Values are nowhere in it. */
export type Drift = {
  readonly key: string;
  /** Null when the CRM's record is named as none of our guests can be. */
  readonly guestId: string | null;
  readonly remoteId: string | null;
  readonly kind: DriftKind;
  readonly fields: readonly string[];
};

/** Whether what was found is repaired without being asked. */
export type RepairPolicy = 'ask' | 'automatic';

/** What was found says little a day later. */
export const STALE_MS = 24 * 3_600_000;

/** In what a page of the CRM, read at `readAt`, is not as it should be. What is under way meanwhile is left to its delivery. */
export function driftsOf(held: readonly HeldRecord[], standings: readonly Standing[], readAt: Date): Drift[] {
  const byId = new Map(standings.map((standing) => [standing.guestId, standing]));
  return held.flatMap((record) => driftOf(record, byId.get(record.externalId), readAt) ?? []);
}

function driftOf(held: HeldRecord, standing: Standing | undefined, readAt: Date): Drift | null {
  const about = identityOf(held);
  if (standing === undefined || standing.record === null) return { ...about, kind: 'extra', fields: [] };
  const isNewer = standing.deliveredAt !== null && standing.deliveredAt >= readAt;
  if (standing.isPending || !standing.isDelivered || isNewer) return null;
  const fields = differingFields(standing.record, held.fields);
  return fields.length === 0 ? null : { ...about, kind: 'different', fields };
}

/** Of these records of ours, none was seen in the CRM. */
export const missing = (guestIds: readonly string[]): Drift[] =>
  guestIds.map((guestId) => ({ key: guestId, guestId, remoteId: null, kind: 'missing', fields: [] }));

/** The names of the fields that a CRM has a place for and holds otherwise. */
const differingFields = (record: CrmRecord, held: HeldRecord['fields']): string[] =>
  Object.entries(held)
    .filter(([name, value]) => canonicalJson(value) !== canonicalJson(record[name as keyof CrmRecord]))
    .map(([name]) => name)
    .sort();

/** A guest by its id. What else may stand in a CRM's field, people have typed: it is remembered as a hash. */
function identityOf({ externalId, remoteId: named }: HeldRecord): Pick<Drift, 'key' | 'guestId' | 'remoteId'> {
  const remoteId = named ?? null;
  return UUID.test(externalId)
    ? { key: externalId, guestId: externalId, remoteId }
    : { key: `sha256:${hash('sha256', externalId, 'hex')}`, guestId: null, remoteId };
}

/** Whether it is still being worked on. */
export const isUnderWay = ({ dueAt }: Pick<Reconciliation, 'dueAt'>): boolean => dueAt !== null;
