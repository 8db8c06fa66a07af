import { IsNotEmpty } from 'class-validator';
import { AppError } from '../../kernel/app-error.js';
import type { CrmRecord, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, notTaken } from './crm-failures.js';
import type { CrmCall } from './crm-http.js';
import { defineCrm, IsHttpUrl } from './define-crm.js';

class RestSettings {
  @IsHttpUrl()
  CRM_BATCH_UPSERT_URL: string;

  @IsNotEmpty({ message: '$property is required' })
  CRM_AUTH_TOKEN: string;
}

/**
 * Any CRM with a batch endpoint of this shape: `POST { idempotencyKey, records: [{ externalId, emailHash, consentFlags, lastInteraction,
 * channelContext, … }] }` with a bearer token and the same key as `Idempotency-Key` header. Answers of 2xx may name each record's outcome in
 * `results`; one that names none has taken them all.
 */
export const rest = defineCrm({
  id: 'rest',
  settings: RestSettings,
  chunkSize: 50,
  connect: ({ CRM_BATCH_UPSERT_URL: url, CRM_AUTH_TOKEN: token }, http) => ({
    async upsert(records, idempotencyKey) {
      try {
        const answer = await http.send(batch(url, token, records, idempotencyKey));
        return verdicts(records, answer.body);
      } catch (error) {
        if (error instanceof AppError && error.extra['status'] === 409) throw keyUsed();
        throw error;
      }
    },
    preview: (records, idempotencyKey) => ({ body: null, ...batch(url, '[redacted]', records, idempotencyKey) }),
    async ping() {
      try {
        await http.get(url, { authorization: `Bearer ${token}` });
      } catch (error) {
        // Such an endpoint need not know GET. That it answers, and not with 401 or 403, is all there is to learn without writing.
        if (!(error instanceof AppError && error.kind === 'refused')) throw error;
      }
    },
  }),
});

const batch = (url: string, token: string, records: readonly CrmRecord[], idempotencyKey: string): CrmCall => ({
  method: 'POST',
  url,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
  body: { idempotencyKey, records: records.map(restRecord) },
});

const keyUsed = (): AppError =>
  new AppError('conflict', 'crm.key_used', 'The CRM has seen this idempotency key before.', { extra: { status: 409 } });

const restRecord = ({ emailHash, phoneHash, keyId, ...record }: CrmRecord): Record<string, unknown> => ({
  ...record,
  ...(emailHash === null ? {} : { emailHash }),
  ...(phoneHash === null ? {} : { phoneHash }),
  ...(keyId === null ? {} : { keyId }),
});

type Result = { externalId?: unknown; id?: unknown; status?: unknown; success?: unknown; error?: unknown };

function verdicts(records: readonly CrmRecord[], body: unknown): Verdict[] {
  const results = (body as { results?: unknown } | null | undefined)?.results;
  if (body !== undefined && (typeof body !== 'object' || body === null || Array.isArray(body))) throw meaningless();
  if (!Array.isArray(results)) return records.map((_, index) => ({ index, status: 'updated' }));
  const byId = new Map<unknown, Result>();
  (results as unknown[]).forEach((result, position) => {
    if (typeof result !== 'object' || result === null) return;
    const { externalId } = result as Result;
    byId.set(externalId ?? records[position]?.externalId, result);
  });
  return records.flatMap((record, index): Verdict[] => {
    const result = byId.get(record.externalId);
    return result === undefined ? [] : [verdict(index, result)];
  });
}

function verdict(index: number, { id, status, success, error }: Result): Verdict {
  if (status === 'error' || success === false || (error !== undefined && error !== null))
    return notTaken(index, 'refused', (error as { code?: unknown } | null | undefined)?.code);
  const done = status === 'created' || status === 'unchanged' ? status : 'updated';
  return typeof id === 'string' ? { index, status: done, remoteId: id } : { index, status: done };
}
