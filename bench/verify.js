'use strict';
const { writeFileSync } = require('node:fs');
const { ask } = require('./processes');
const { scratchFile } = require('./scratch');

/**
 * Nothing is fast that loses something: opens each database once more and looks for everything that was acknowledged.
 * @param {Record<string, string>} build
 * @param {readonly {
 *   name: string, place: Record<string, string>, acknowledged: readonly string[], rows: Record<string, number>, chains?: boolean
 * }[]} databases `rows`: how many each create leaves in each table; `chains`: whether there are audit chains to follow
 */
async function verify(build, databases) {
  /** @type {Record<string, { acknowledged: number, guests: number, entries?: number }>} */
  const stored = {};
  for (const { name, place, acknowledged, rows, chains = false } of databases) {
    const list = scratchFile(`${name}.json`);
    writeFileSync(list, JSON.stringify(acknowledged));
    const settings = { ...build, ...place, BENCH_ACKNOWLEDGED: list, ...(chains ? { BENCH_CHAINS: 'yes' } : {}) };
    const { rows: found, ...faults } = await ask('inspector', settings);
    for (const [fault, count] of Object.entries(faults))
      if (count !== 0) throw new Error(`${name}: ${count} ${fault} for ${acknowledged.length} acknowledged`);
    for (const [table, each] of Object.entries(rows))
      if (!(found[table] >= each * acknowledged.length))
        throw new Error(`${name}: ${found[table]} rows in ${table} for ${acknowledged.length} acknowledged`);
    stored[name] = { acknowledged: acknowledged.length, guests: found.guest, entries: found.audit_entry };
  }
  return stored;
}

module.exports = { verify };
