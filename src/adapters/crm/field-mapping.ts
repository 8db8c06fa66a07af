import { canonicalJson } from '../../kernel/canonical-json.js';
import type { CrmField, CrmRecord, HeldRecord } from '../../modules/crm-sync/index.js';

/** A field of the CRM and what of our record stands in it. */
export type MappedField = { readonly field: string; readonly source: Source };
export type FieldMapping = readonly MappedField[];

const SOURCES = [
  'externalId',
  'emailHash',
  'phoneHash',
  'keyId',
  'consentFlags.marketing',
  'consentFlags.dataProcessing',
  'lastInteraction',
  'channelContext',
] as const;
/** A field of our record: one of a fixed list, or one name of `channelContext`, which as a whole is JSON. */
export type Source = (typeof SOURCES)[number] | `channelContext.${string}`;

/** A value as it stands in a CRM that has flags and texts. */
export type MappedValue = string | boolean | null;

/** What is wrong with `field:source,field:source`, as the rest of a sentence that begins with the variable's name; null for nothing. */
export function mappingFault(text: string): string | null {
  const pairs = text.split(',').map((pair) => pair.trim());
  for (const pair of pairs) {
    const [field = '', source = '', ...more] = pair.split(':').map((part) => part.trim());
    if (more.length > 0 || !/^[A-Za-z]\w{0,99}$/.test(field) || source === '')
      return 'must be a list, separated by commas, of field:source';
    if (!isSource(source))
      return `names ${source.slice(0, 60)}, which no record has; there are ${SOURCES.join(', ')} and channelContext.<name>`;
  }
  const fields = pairs.map((pair) => pair.split(':')[0]!.trim());
  return new Set(fields).size === fields.length ? null : 'must not name a field of the CRM twice';
}

/** Reads what `mappingFault` found nothing wrong with. */
export const readMapping = (text: string): FieldMapping =>
  text.split(',').map((pair) => {
    const [field, source] = pair.split(':').map((part) => part.trim());
    return { field: field!, source: source as Source };
  });

/** The record in the CRM's fields; null empties a field. */
export const mapped = (record: CrmRecord, mapping: FieldMapping): Record<string, MappedValue> =>
  Object.fromEntries(mapping.map(({ field, source }) => [field, valueOf(record, source)]));

/** What a CRM's fields say in our words, whatever types it gave them back in; what cannot be read is as if it were not there. */
export function held(
  externalId: string,
  remoteId: string,
  values: Readonly<Record<string, unknown>>,
  mapping: FieldMapping,
): HeldRecord {
  const flags: Partial<Record<keyof CrmRecord['consentFlags'], boolean>> = {};
  const context: Record<string, string> = {};
  const fields: Record<string, unknown> = {};
  for (const { field, source } of mapping) {
    const value = values[field] === '' ? null : (values[field] ?? null);
    if (source === 'consentFlags.marketing') flags.marketing = isTrue(value);
    else if (source === 'consentFlags.dataProcessing') flags.dataProcessing = isTrue(value);
    else if (source === 'lastInteraction') Object.assign(fields, instant(value));
    else if (source === 'channelContext') Object.assign(context, contextOf(value));
    else if (source.startsWith('channelContext.')) {
      if (typeof value === 'string') context[source.slice('channelContext.'.length)] = value;
    } else if (source !== 'externalId') fields[source] = typeof value === 'string' ? value : null;
  }
  const { marketing, dataProcessing } = flags;
  if (marketing !== undefined && dataProcessing !== undefined) fields['consentFlags'] = { marketing, dataProcessing };
  // Single names say nothing of the others; only the whole can be compared.
  if (mapping.some(({ source }) => source === 'channelContext')) fields['channelContext'] = context;
  return { externalId, remoteId, fields };
}

/** What stops a mapping from working, one sentence each, by what the CRM says of its own fields. `variable` is where it is written. */
export function faultsAgainst(
  described: readonly CrmField[],
  fields: readonly string[],
  { crm, variable }: { readonly crm: string; readonly variable: string },
): string[] {
  const byName = new Map(described.map((field) => [field.name, field]));
  return fields.flatMap((name) => {
    const found = byName.get(name);
    if (found === undefined) return [`${crm} has no field ${name}: make it there, or change ${variable}`];
    return found.writable
      ? []
      : [`${crm} does not let us write its field ${name}: change its permissions, or ${variable}`];
  });
}

const isSource = (text: string): text is Source =>
  (SOURCES as readonly string[]).includes(text) || /^channelContext\.[A-Za-z]\w{0,39}$/.test(text);

function valueOf(record: CrmRecord, source: Source): MappedValue {
  if (source === 'consentFlags.marketing') return record.consentFlags.marketing;
  if (source === 'consentFlags.dataProcessing') return record.consentFlags.dataProcessing;
  if (source === 'channelContext') return canonicalJson(record.channelContext);
  if (source.startsWith('channelContext.'))
    return record.channelContext[source.slice('channelContext.'.length)] ?? null;
  return record[source as 'externalId' | 'emailHash' | 'phoneHash' | 'keyId' | 'lastInteraction'];
}

const isTrue = (value: unknown): boolean => value === true || value === 'true';

/** CRMs give an instant back in a spelling of their own: `+0000` for `Z`, or without the milliseconds. */
function instant(value: unknown): { lastInteraction?: string } {
  const at = typeof value === 'string' ? new Date(value.replace(/([+-]\d{2})(\d{2})$/, '$1:$2')) : new Date(Number.NaN);
  return Number.isNaN(at.getTime()) ? {} : { lastInteraction: at.toISOString() };
}

function contextOf(value: unknown): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(String(value));
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(
      Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}
