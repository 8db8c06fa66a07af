'use strict';
/** Draining 20,000 records while few or very many others wait behind them in the same queue. The CRM answers at once and has no limit. */
const { rounded } = require('../figures');
const { drain } = require('../draining');
const { machine } = require('../machine');
const { start } = require('../processes');
const { scratchFile } = require('../scratch');

const DRAINED = 20_000;
const FEW = 10_000;
const MANY = 1_000_000;
const TARGET = { time: 1.3, memory: 1.1 };

/** @param {import('../main').Options} options */
async function run({ dist, say }) {
  const build = { BENCH_DIST: dist };
  const { told } = await start('other-side', build);
  let runs = 0;
  /** @param {number} others */
  const measure = async (others) => {
    const places = [{ DATA_DIR: scratchFile(`backlog-${++runs}`) }];
    const plan = { build, sandbox: told.forService, places, waiting: DRAINED + others, wanted: DRAINED, callMs: 0 };
    const { recordsPerSecond, residentBytes } = await drain(plan);
    const seconds = DRAINED / recordsPerSecond;
    say(`  ${others} others: ${rounded(seconds, 2)} s, ${rounded(residentBytes / 1e6, 0)} MB at most`);
    return { seconds, residentBytes };
  };
  const before = await measure(FEW);
  const many = await measure(MANY);
  const after = await measure(FEW);
  const few = {
    seconds: (before.seconds + after.seconds) / 2,
    residentBytes: Math.max(before.residentBytes, after.residentBytes),
  };
  const ratio = {
    time: rounded(many.seconds / few.seconds, 2),
    memory: rounded(many.residentBytes / few.residentBytes, 2),
  };
  return { machine: machine(), drained: DRAINED, few, many, ratio, target: TARGET };
}

module.exports = { run };
