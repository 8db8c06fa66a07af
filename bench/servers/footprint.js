'use strict';
/** Looks up what is in a database about one guest. */
const { footprintOf } = require('../footprint');
const { built, serve, setting } = require('../serving');

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  return { told: await footprintOf(engine.reads, setting('BENCH_GUEST')), close: () => engine.close() };
});
