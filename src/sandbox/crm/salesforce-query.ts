import { Refusal } from '../refusal.js';
import type { Shelf } from './shelf.js';

/** As much SOQL as reading back by an external id needs. */
const QUERY = /^SELECT ([\w, ]+) FROM (\w+) WHERE (\w+) (?:!= null|> '((?:[^'\\]|\\.)*)') ORDER BY (\w+) LIMIT (\d+)$/;

/** What `/query` answers. */
export function answerQuery(soql: string, object: string, key: string, shelf: Shelf): object {
  const [, fields = '', from, where, after = '', order, limit] = QUERY.exec(soql) ?? [];
  if (from !== object || where !== key || order !== key)
    throw new Refusal(400, 'MALFORMED_QUERY', 'The query is not understood.');
  const last = after.replace(/\\(.)/g, '$1');
  const rows = shelf
    .list()
    .filter(({ externalId }) => externalId > last)
    .sort((a, b) => (a.externalId < b.externalId ? -1 : 1))
    .slice(0, Number(limit));
  const names = fields.split(',').map((name) => name.trim());
  const records = rows.map(({ id, values }) => ({
    attributes: { type: object, url: `/services/data/v62.0/sobjects/${object}/${id}` },
    ...Object.fromEntries(names.map((name) => [name, name === 'Id' ? id : spelt(values[name])])),
  }));
  return { totalSize: records.length, done: true, records };
}

/** Salesforce writes instants with `+0000`. */
const spelt = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? value.replace('Z', '+0000') : (value ?? null);
