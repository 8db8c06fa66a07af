'use strict';
/** Looks into a database after whoever wrote it has left: what is in it, and what was acknowledged and is not. */
const { readFileSync } = require('node:fs');
const { built, serve, setting } = require('../serving');

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  const acknowledged = readFileSync(setting('BENCH_ACKNOWLEDGED'), 'utf8');
  /** @param {string} text @param {unknown[]} [values] */
  const ask = async (text, values) => (await engine.reads.query(text, values)).rows;

  /** @type {Record<string, number>} */
  const rows = {};
  for (const { name } of await ask(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  ))
    rows[name] = (await ask(`select count(*)::int as count from ${name}`))[0].count;

  const [{ count: guestsMissing }] = await ask(
    `select count(*)::int as count from json_array_elements_text($1) as one (id)
      where not exists (select from guest where guest.id = one.id::uuid)`,
    [acknowledged],
  );
  const told = { rows, guestsMissing, entriesMissing: 0, entriesBroken: 0 };
  if (process.env['BENCH_CHAINS'] !== undefined) {
    const [{ count: entriesMissing }] = await ask(
      `select count(*)::int as count from json_array_elements_text($1) as one (id)
        where not exists (select from audit_entry where subject = 'guest:' || one.id and sequence = 1
          and body::json ->> 'event' = 'GUEST_CREATED')`,
      [acknowledged],
    );
    const [{ count: entriesBroken }] = await ask(
      `select count(*)::int as count from audit_entry entry
        left join audit_entry before on before.subject = entry.subject and before.sequence = entry.sequence - 1
        where encode(sha256(decode(entry.previous_hash, 'hex') || convert_to(entry.body, 'UTF8')), 'hex') <> entry.hash
          or (entry.sequence > 1 and entry.previous_hash is distinct from before.hash)`,
    );
    Object.assign(told, { entriesMissing, entriesBroken });
  }
  return { told, close: () => engine.close() };
});
