'use strict';
/**
 * `npm run soak`: what shows only when it lasts for minutes. Each scenario ends by itself, and fails when anything was lost.
 *
 *   node soak/main.js [--only <scenario>] [--minutes <n>] [--guests <n>]
 *
 * Progress goes to the standard error, one JSON line a scenario to the standard output.
 */
const { readdirSync } = require('node:fs');
const { basename, join } = require('node:path');
const { clearTimeout, setTimeout } = require('node:timers');
const { parseArgs } = require('node:util');
const { endAll } = require('../bench/processes');
const { removeScratch } = require('../bench/scratch');

/** Beyond what a scenario says it lasts: for starting, and for catching up. */
const GRACE_MINUTES = 10;

/** Every file in `scenarios/` is one. */
const scenarioNames = () => readdirSync(join(__dirname, 'scenarios')).map((file) => basename(file, '.js'));

function readArguments() {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, minutes: { type: 'string', default: '5' }, guests: { type: 'string' } },
  });
  const { only = null } = values;
  if (only !== null && !scenarioNames().includes(only))
    throw new Error(`--only takes one of: ${scenarioNames().join(', ')}`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 60)) throw new Error('--minutes must be more than 0 and at most 60');
  const guests = values.guests === undefined ? null : Number(values.guests);
  if (guests !== null && !(Number.isInteger(guests) && guests >= 1 && guests <= 10_000))
    throw new Error('--guests must be 1 to 10000');
  return { only, minutes, guests };
}

/** @param {string} sentence */
const say = (sentence) => void process.stderr.write(`${sentence}\n`);

async function main() {
  const { only, minutes, guests } = readArguments();
  require('../scripts/build-if-stale').ensureBuilt(2);
  for (const name of scenarioNames().filter((each) => only === null || each === only)) {
    say(`${name}: ${minutes} minutes`);
    const tooLong = setTimeout(() => void fail(new Error(`${name} did not end`)), (minutes + GRACE_MINUTES) * 60_000);
    const result = await require(`./scenarios/${name}`).run({ minutes, guests, say });
    clearTimeout(tooLong);
    process.stdout.write(`${JSON.stringify({ scenario: name, ...result })}\n`);
  }
}

/** Whatever happens, nothing of ours keeps running and nothing stays on the disk. @param {number} code */
async function leave(code) {
  await endAll();
  removeScratch();
  process.exit(code);
}

/** @param {unknown} error */
const fail = (error) => {
  say(String(error instanceof Error ? error.stack : error));
  return leave(1);
};

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => void leave(130));

main().then(() => leave(0), fail);
