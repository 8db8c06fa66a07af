import type { CrmRecord, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, notTaken } from './crm-failures.js';

type Result = { id?: unknown; new?: unknown; objectWriteTraceId?: unknown; properties?: Record<string, unknown> };
type Fault = { category?: unknown; objectWriteTraceId?: unknown; context?: Record<string, unknown> };

/** Words of HubSpot's for what passes by itself. */
const PASSING = new Set(['RATE_LIMITS', 'LOCK_TIMEOUT', 'INTERNAL_ERROR', 'TIMEOUT']);

/**
 * The verdicts of a batch upsert, 200 or 207. Neither `results` nor `errors` stand in the order of what was sent: each belongs to the input whose
 * `objectWriteTraceId` it repeats, or whose id it names. An error that names nobody is about those of whom nothing was said, as long as all such
 * errors say the same; when they do not, nothing is known of any of them.
 */
export function hubspotVerdicts(records: readonly CrmRecord[], body: unknown, key: string): Verdict[] {
  const { results, errors = [] } = (body ?? {}) as { results?: unknown; errors?: unknown };
  if (!Array.isArray(results) || !Array.isArray(errors)) throw meaningless();
  const places = new Map(records.map(({ externalId }, index) => [externalId, index]));
  const verdicts = new Map<number, Verdict>();
  for (const result of (results as (Result | null)[]).filter((each) => each !== null)) {
    const index = placeOf(records.length, result.objectWriteTraceId) ?? places.get(String(result.properties?.[key]));
    if (index !== undefined) verdicts.set(index, taken(index, result));
  }
  const stray = new Set<string>();
  for (const fault of (errors as (Fault | null)[]).filter((each) => each !== null)) {
    const named = inputsOf(records.length, fault, places);
    if (named.length === 0) stray.add(wordOf(fault));
    for (const index of named) if (!verdicts.has(index)) verdicts.set(index, failed(index, wordOf(fault)));
  }
  const [only] = stray;
  if (only !== undefined && stray.size === 1)
    for (const index of records.keys()) if (!verdicts.has(index)) verdicts.set(index, failed(index, only));
  return [...verdicts.values()].sort((a, b) => a.index - b.index);
}

/** Every input an error is about: by trace id, or by any id its context repeats. */
function inputsOf(
  count: number,
  { objectWriteTraceId, context = {} }: Fault,
  places: ReadonlyMap<string, number>,
): number[] {
  const traced = [objectWriteTraceId, context['objectWriteTraceId']].flat().map((trace) => placeOf(count, trace));
  const byTrace = traced.filter((index) => index !== undefined);
  if (byTrace.length > 0) return [...new Set(byTrace)];
  const ids = Object.values(context)
    .flat()
    .map((value) => places.get(String(value)));
  return [...new Set(ids.filter((index) => index !== undefined))];
}

const placeOf = (count: number, trace: unknown): number | undefined =>
  typeof trace === 'string' && /^\d{1,4}$/.test(trace) && Number(trace) < count ? Number(trace) : undefined;

function taken(index: number, { id, new: isNew }: Result): Verdict {
  const status = isNew === true ? 'created' : 'updated';
  return typeof id === 'string' ? { index, status, remoteId: id } : { index, status };
}

const failed = (index: number, word: string): Verdict => notTaken(index, PASSING.has(word) ? 'retry' : 'refused', word);

const wordOf = ({ category }: Fault): string => (typeof category === 'string' ? category : '');
