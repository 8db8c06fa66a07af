import { IsNotEmpty, IsUrl } from 'class-validator';
import { AppError } from '../../kernel/app-error.js';
import type { CrmRecord, Verdict } from '../../modules/crm-sync/index.js';
import { defineCrm } from './define-crm.js';

class RestSettings {
  @IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: '$property must be an http or https URL' },
  )
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
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': idempotencyKey };
      try {
        const answer = await http.post(url, headers, { idempotencyKey, records: records.map(restRecord) });
        return verdicts(records, answer.body);
      } catch (error) {
        // The key stands for exactly these records, so a key already used for one record means that it has arrived.
        if (records.length === 1 && error instanceof AppError && error.extra['status'] === 409)
          return [{ index: 0, status: 'unchanged' }];
        throw error;
      }
    },
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

const restRecord = ({ emailHash, phoneHash, keyId, ...record }: CrmRecord): Record<string, unknown> => ({
  ...record,
  ...(emailHash === null ? {} : { emailHash }),
  ...(phoneHash === null ? {} : { phoneHash }),
  ...(keyId === null ? {} : { keyId }),
});

type Result = { externalId?: unknown; id?: unknown; status?: unknown; success?: unknown; error?: unknown };

function verdicts(records: readonly CrmRecord[], body: unknown): Verdict[] {
  const results = (body as { results?: unknown } | null | undefined)?.results;
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
    return { index, status: 'refused', error: codeOf(error) };
  const done = status === 'created' || status === 'unchanged' ? status : 'updated';
  return typeof id === 'string' ? { index, status: done, remoteId: id } : { index, status: done };
}

/** The CRM's own word for what is wrong, if it looks like a code: a message may repeat the data. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? `crm.record.${code}` : 'crm.record_refused';
}
