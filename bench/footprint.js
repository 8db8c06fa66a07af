'use strict';
/** What a request leaves in a database, whatever tables there are. */

/** @typedef {{ table: string, columns: { name: string, type: string }[], row: string }} Left */

/**
 * Every row, in whatever table, that speaks of this guest, with the columns that whoever writes it has to give.
 * @param {import('pg').Pool} pool
 * @param {string} guestId
 * @returns {Promise<Left[]>}
 */
async function footprintOf(pool, guestId) {
  /** @type {Left[]} */
  const left = [];
  const { rows: tables } = await pool.query(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`,
  );
  for (const { name: table } of tables) {
    const { rows } = await pool.query(
      `select to_jsonb(t) as row from ${table} t where to_jsonb(t)::text like '%' || $1 || '%'`,
      [guestId],
    );
    if (rows.length === 0) continue;
    const { rows: columns } = await pool.query(
      `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type
         from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
          and a.attgenerated = '' and coalesce(pg_get_expr(d.adbin, d.adrelid), '') not like '%(%'
        order by a.attnum`,
      [table],
    );
    for (const { row } of rows) {
      const given = Object.fromEntries(columns.map((/** @type {any} */ { name }) => [name, row[name]]));
      left.push({ table, columns, row: JSON.stringify(given) });
    }
  }
  return left;
}

/**
 * One statement a table and batch.
 * @param {Left} left
 * @param {number} index
 */
function insertInto({ table, columns }, index) {
  const names = columns.map(({ name }) => name).join(', ');
  const shape = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  const text = `insert into ${table} (${names}) select ${names} from json_to_recordset($1) as row (${shape})`;
  return { name: `limit.insert.${index}`, text };
}

module.exports = { footprintOf, insertInto };
