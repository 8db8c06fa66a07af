import type { CrmField, CrmPage, CrmRecord, CrmRequest, Erased, Verdict } from '../crm-sync.js';

/** One external CRM. */
export interface Crm {
  /** As in `CRMS`; stable, because what is delivered is remembered under it. */
  readonly id: string;
  /** Most records one call may carry. */
  readonly chunkSize: number;
  /** Its records are what Genesys Cloud finds a guest's conversations by, so that it has to be asked to erase them before these go. */
  readonly isErasedLast?: boolean;
  /**
   * Creates or updates records by `externalId`; sending a record again changes nothing. One verdict a record; what the answer
   * does not mention is tried again.
   *
   * @throws AppError by code, because each is answered differently:
   *   - `throttled` `crm.throttled`: nothing was taken; all calls wait, for `retryAfterMs` if the CRM says how long;
   *   - `throttled` `crm.quota_exhausted`: nothing is taken before the quota is filled again, in `retryAfterMs`;
   *   - `unavailable` `crm.credentials_refused`: nothing is taken until somebody mends the settings;
   *   - `unavailable` `crm.mapping_wrong`: the same, for the CRM lacks fields that are mapped; nothing was sent;
   *   - `unavailable` `crm.unavailable`: the CRM failed, and may have taken some;
   *   - `unavailable` `crm.silent`: no answer, or half of one: it may have taken all. The same records come again under the same key;
   *   - `refused` `crm.refused`: the whole chunk was refused, by one record's fault perhaps; nothing was taken;
   *   - `refused` `crm.too_large`: the chunk is too large, whatever is in it;
   *   - `conflict` `crm.key_used`: the key was used before, and nothing is known of what came of it. The same records come again under another;
   *   - `conflict` `crm.key_in_flight`: a call with this key is still being worked on. The same comes again under the same key.
   */
  upsert(records: readonly CrmRecord[], idempotencyKey: string): Promise<Verdict[]>;
  /** Resolves when the CRM answers and accepts our credentials. */
  ping(): Promise<void>;
  /**
   * The CRM holds nothing about a guest any more. `remoteId` is what the CRM calls its record, as far as we were told. Doing it again changes
   * nothing. Absent where people have to do it by hand.
   *
   * @throws AppError as `upsert`
   */
  erase?(externalId: string, remoteId: string | null): Promise<Erased>;
  /** What the CRM holds of ours, page by page, `limit` records at most; from the beginning when `cursor` is null. */
  read?(cursor: string | null, limit: number): Promise<CrmPage>;
  /** The fields the CRM says it has, for what is mapped to be checked against. */
  describe?(): Promise<readonly CrmField[]>;
  /** The request `upsert` would send, secrets left out. Sends nothing. */
  preview?(records: readonly CrmRecord[], idempotencyKey: string): CrmRequest;
}

/** The CRMs that are switched on. */
export abstract class Crms {
  abstract all(): readonly Crm[];
}
