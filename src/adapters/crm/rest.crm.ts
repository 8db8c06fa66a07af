import { randomUUID } from 'node:crypto';
import { IsNotEmpty, IsOptional, Matches } from 'class-validator';
import { AppError } from '../../kernel/app-error.js';
import type { CrmRecord, Erased, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, notTaken, nullIfGone } from './crm-failures.js';
import type { CrmCall, CrmHttp } from './crm-http.js';
import { defineCrm, IsHttpUrl } from './define-crm.js';

class RestSettings {
  @IsHttpUrl()
  CRM_BATCH_UPSERT_URL: string;

  @IsNotEmpty({ message: '$property is required' })
  CRM_AUTH_TOKEN: string;

  /** Where one record is deleted. Behind a `#`, or in place of a host, the id would not say which. */
  @IsOptional()
  @IsHttpUrl()
  @Matches(/^\w+:\/\/[^/?#]+[/?][^#]*\{externalId\}[^#]*$/, {
    message: '$property must have {externalId} in its path or query',
  })
  CRM_DELETE_URL?: string;
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
  connect: ({ CRM_BATCH_UPSERT_URL: url, CRM_AUTH_TOKEN: token, CRM_DELETE_URL: deleteUrl }, http) => ({
    upsert: (records, idempotencyKey) =>
      sent(http, records, batch(url, token, records.map(restRecord), idempotencyKey)),
    preview: (records, idempotencyKey) => ({
      body: null,
      ...batch(url, '[redacted]', records.map(restRecord), idempotencyKey),
    }),
    async erase(externalId) {
      if (deleteUrl !== undefined) return deleted(http, deletion(deleteUrl, token, externalId));
      // The key is another each time: to a key it knows an endpoint may repeat its answer, and leave what was written in between.
      const key = `erase-${externalId}-${randomUUID()}`;
      const [verdict] = await sent(http, [{ externalId }], batch(url, token, [emptied(externalId)], key));
      if (verdict === undefined) throw meaningless();
      if (verdict.status === 'refused') throw notEmptied(verdict.message);
      return 'emptied';
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

/** Sends a batch and reads what became of its records. */
async function sent(http: CrmHttp, records: readonly Named[], call: CrmCall): Promise<Verdict[]> {
  try {
    return verdicts(records, (await http.send(call)).body);
  } catch (error) {
    if (error instanceof AppError && error.extra['status'] === 409) throw keyUsed();
    throw error;
  }
}

async function deleted(http: CrmHttp, call: CrmCall): Promise<Erased> {
  return (await nullIfGone(http.send(call), [404, 410])) === null ? 'absent' : 'deleted';
}

const deletion = (template: string, token: string, externalId: string): CrmCall => ({
  method: 'DELETE',
  url: template.replaceAll('{externalId}', encodeURIComponent(externalId)),
  headers: { authorization: `Bearer ${token}` },
});

const batch = (url: string, token: string, records: readonly object[], idempotencyKey: string): CrmCall => ({
  method: 'POST',
  url,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
  body: { idempotencyKey, records },
});

const keyUsed = (): AppError =>
  new AppError('conflict', 'crm.key_used', 'The CRM has seen this idempotency key before.', { extra: { status: 409 } });

const restRecord = ({ emailHash, phoneHash, keyId, ...record }: CrmRecord): Record<string, unknown> => ({
  ...record,
  ...(emailHash === null ? {} : { emailHash }),
  ...(phoneHash === null ? {} : { phoneHash }),
  ...(keyId === null ? {} : { keyId }),
});

/** Says of everything that there is nothing; what is not named may be left as it was. */
const emptied = (externalId: string): Record<string, unknown> => ({
  externalId,
  emailHash: null,
  phoneHash: null,
  keyId: null,
  consentFlags: { marketing: false, dataProcessing: false },
  lastInteraction: null,
  channelContext: {},
});

const notEmptied = (message = 'The CRM refused the record.'): AppError =>
  new AppError('refused', 'crm.refused', message);

type Named = Pick<CrmRecord, 'externalId'>;
type Result = { externalId?: unknown; id?: unknown; status?: unknown; success?: unknown; error?: unknown };

function verdicts(records: readonly Named[], body: unknown): Verdict[] {
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
