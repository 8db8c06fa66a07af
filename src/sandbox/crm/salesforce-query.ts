import { Refusal } from '../refusal.js';
import type { Shelf } from './shelf.js';

/** As much SOQL as reading back by an external id needs. */
const QUERY = /^SELECT ([\w, ]+) FROM (\w+) WHERE (\w+) (?:!= null|> '((?:[^'\\]|\\.)*)') ORDER BY (\w+) LIMIT (\d+)$/;

/** The least Salesforce gives at once of a long answer. */
const PAGE = 200;

/** What `/query` answers over one object, and the paths under it that `nextRecordsUrl` names. */
export class SalesforceQueries {
  private readonly begun: string[] = [];

  constructor(
    private readonly object: string,
    private readonly key: string,
    private readonly shelf: Shelf,
  ) {}

  answer(soql: string): object {
    return this.page(soql, 0);
  }

  /** A locator is `<which query>-<from which row>`. */
  resume(locator: string): object {
    const [, which, from] = /^01g(\d{12})-(\d+)$/.exec(locator) ?? [];
    const soql = this.begun[Number(which)];
    if (soql === undefined) throw new Refusal(400, 'INVALID_QUERY_LOCATOR', 'invalid query locator');
    return this.page(soql, Number(from));
  }

  private page(soql: string, from: number): object {
    const [, fields = '', ofObject, where, after = '', order, limit] = QUERY.exec(soql) ?? [];
    if (ofObject !== this.object || where !== this.key || order !== this.key)
      throw new Refusal(400, 'MALFORMED_QUERY', 'The query is not understood.');
    const rows = this.rows(after.replace(/\\(.)/g, '$1'), Number(limit));
    const names = fields.split(',').map((name) => name.trim());
    const records = rows.slice(from, from + PAGE).map(({ id, values }) => ({
      attributes: { type: this.object, url: `/services/data/v62.0/sobjects/${this.object}/${id}` },
      ...Object.fromEntries(names.map((name) => [name, name === 'Id' ? id : spelt(values[name])])),
    }));
    if (from + PAGE >= rows.length) return { totalSize: rows.length, done: true, records };
    return { totalSize: rows.length, done: false, nextRecordsUrl: this.next(soql, from + PAGE), records };
  }

  private rows(after: string, limit: number) {
    const later = this.shelf.list().filter(({ externalId }) => externalId > after);
    return later.sort((a, b) => (a.externalId < b.externalId ? -1 : 1)).slice(0, limit);
  }

  private next(soql: string, from: number): string {
    if (!this.begun.includes(soql)) this.begun.push(soql);
    return `/services/data/v62.0/query/01g${String(this.begun.indexOf(soql)).padStart(12, '0')}-${from}`;
  }
}

/** Salesforce writes instants with `+0000`. */
const spelt = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? value.replace('Z', '+0000') : (value ?? null);
