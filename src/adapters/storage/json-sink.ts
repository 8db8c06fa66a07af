import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

/** Hands its rows to one statement, in the order of their ids: rows are locked in one order by everybody. */
export const jsonSink = (statement: Statement): Sink<Record<string, unknown>> => ({
  name: statement.name,
  async write(queries, rows) {
    const sorted = [...rows].sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
    await queries.query(statement, [asJson(sorted)]);
  },
});
