'use strict';
/**
 * The service, watched: which statements it puts to its engine, and with what values. Left in BENCH_STATEMENTS when it leaves, by name, as each was
 * first put for a guest; what the trail says of its own readers is none of a guest's.
 */
const { writeFileSync } = require('node:fs');
const pg = require('pg');
const { serve, setting } = require('../serving');
const { startAsShipped } = require('../shipped');

/** @type {Record<string, { text: string, values: unknown[] }>} */
const statements = {};
const query = pg.Client.prototype.query;
pg.Client.prototype.query = /** @type {any} */ (
  function (/** @type {any[]} */ ...args) {
    const { name, text, values = [] } = args[0] ?? {};
    if (typeof name === 'string' && !JSON.stringify(values).includes('system:')) statements[name] ??= { text, values };
    return query.apply(/** @type {any} */ (this), /** @type {any} */ (args));
  }
);

serve(async () => {
  const { told, close } = await startAsShipped();
  return {
    told,
    close: async () => {
      await close();
      writeFileSync(setting('BENCH_STATEMENTS'), JSON.stringify(statements));
    },
  };
});
