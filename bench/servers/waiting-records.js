'use strict';
/** Leaves a database in which so many records of guests wait to be delivered to a CRM, the first of them for an hour by now. */
const { built, serve, setting } = require('../serving');

/** One statement for all of them would hold all of them in memory. */
const AT_ONCE = 20_000;
const RECORD = `jsonb_build_object(
  'externalId', id, 'emailHash', null, 'phoneHash', null, 'keyId', null, 'consentFlags', '{"marketing":false,"dataProcessing":true}'::jsonb,
  'lastInteraction', '2026-01-01T00:00:00.000Z', 'channelContext', '{}'::jsonb)`;

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const { openPostgres } = built('adapters/storage/postgres.engine.js');
  const { migrate } = built('adapters/storage/migrations.js');
  const url = process.env['DATABASE_URL'];
  const engine = url === undefined ? await openEmbedded({ dataDir: setting('DATA_DIR') }) : await openPostgres({ url });
  await migrate(engine.writes);
  const records = Number(setting('BENCH_RECORDS'));
  for (let from = 0; from < records; from += AT_ONCE)
    await engine.writes.query(
      `insert into crm_record (crm, guest_id, version, record, desired_hash, due_at)
        select 'rest', id, 1, ${RECORD}, encode(sha256(id::text::bytea), 'hex'), now() - interval '1 hour' + n * interval '1 millisecond'
          from (select n, gen_random_uuid() as id from generate_series($1::integer, $2::integer) as n) as one`,
      [from, Math.min(from + AT_ONCE, records) - 1],
    );
  return { told: {}, close: () => engine.close() };
});
