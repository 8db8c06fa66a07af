'use strict';
/**
 * `npm run bench`: how fast the service is, against baselines measured in the same run on the same machine.
 *
 *   node bench/main.js [--only <scenario>] [--seconds <n>] [--rounds <n>] [--guests <n>] [--dist <directory>] [--profile <directory>]
 *
 * Progress goes to the standard error, one JSON line a scenario to the standard output. What counts are the ratios: absolute rates
 * belong to this machine and this hour. A slow machine is no failure; an answer or a row that is missing is.
 */
const { readdirSync } = require('node:fs');
const { basename, join, resolve } = require('node:path');
const { parseArgs } = require('node:util');
const { endAll } = require('./processes');
const { removeScratch } = require('./scratch');

const USAGE =
  'node bench/main.js [--only <scenario>] [--seconds <n>] [--rounds <n>] [--guests <n>] [--dist <directory>] [--profile <directory>]';

/**
 * @typedef {object} Options
 * @property {number} seconds how long each measurement takes
 * @property {number} rounds how often every variant is measured
 * @property {number} guests how many are held at once, where that is what is measured
 * @property {string} dist the build that is measured
 * @property {string | null} profile where a CPU profile of the service goes
 * @property {(sentence: string) => void} say tells whoever watches
 */

async function main() {
  const { only, dist, ...settings } = readArguments();
  if (dist === null) require('../scripts/build-if-stale').ensureBuilt();
  const options = { ...settings, dist: dist ?? join(__dirname, '..', 'dist'), say };
  for (const name of scenarioNames().filter((each) => only === null || each === only)) {
    say(`${name}: ${options.rounds} rounds, ${options.seconds} s a measurement`);
    const { run } = require(`./scenarios/${name}`);
    const result = await run(options);
    process.stdout.write(`${JSON.stringify({ scenario: name, ...result })}\n`);
  }
}

/** Every file in `scenarios/` is one. */
const scenarioNames = () => readdirSync(join(__dirname, 'scenarios')).map((file) => basename(file, '.js'));

function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      guests: { type: 'string', default: '2000' },
      dist: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
  if (!(seconds > 0 && seconds <= 60)) throw new Error('--seconds must be more than 0 and at most 60');
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 20)) throw new Error('--rounds must be 1 to 20');
  const guests = Number(values.guests);
  if (!(Number.isInteger(guests) && guests >= 1 && guests <= 10_000)) throw new Error('--guests must be 1 to 10000');
  const only = values.only ?? null;
  if (only !== null && !scenarioNames().includes(only))
    throw new Error(`--only takes one of: ${scenarioNames().join(', ')}`);
  const path = (/** @type {string | undefined} */ given) => (given === undefined ? null : resolve(given));
  return { only, seconds, rounds, guests, dist: path(values.dist), profile: path(values.profile) };
}

/** @param {string} sentence */
const say = (sentence) => void process.stderr.write(`${sentence}\n`);

/** Whatever happens, nothing of ours keeps running and nothing stays on the disk. */
async function leave(/** @type {number} */ code) {
  await endAll();
  removeScratch();
  process.exit(code);
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => void leave(130));

main().then(
  () => leave(0),
  (error) => {
    say(error?.code?.startsWith?.('ERR_PARSE_ARGS') ? `${error.message}\n${USAGE}` : String(error?.stack ?? error));
    return leave(1);
  },
);
