'use strict';
/** More guests want updates than the allowance carries: of 300 calls a minute at least 95 % are used, and never one too many. */
const { setTimeout: sleep } = require('node:timers/promises');
const { openWorld } = require('../world');

const GUESTS = 2_000;
const PER_MINUTE = 300;
const MINUTE = 60_000;

/** @param {{ minutes: number, guests: number | null, say: (sentence: string) => void }} options */
exports.run = async function run({ minutes, guests, say }) {
  const world = await openWorld();
  const count = guests ?? GUESTS;
  // A guest takes two calls to be linked and one for every update.
  if (count * 3 < (minutes + 1) * PER_MINUTE)
    throw new Error(`${count} guests do not keep the allowance busy for so long`);
  await world.guests(count);
  say(`${count} guests want to be linked and told of; counting calls for ${minutes} minutes`);
  const from = Date.now();
  await sleep(minutes * MINUTE);
  const calls = (await world.calls()).filter((at) => at >= from && at < from + minutes * MINUTE);
  world.close();
  const perMinute = Array.from({ length: Math.floor(minutes) }, (_, minute) => inWindow(calls, from + minute * MINUTE));
  const most = Math.max(...calls.map((at) => inWindow(calls, at)));
  const refused = world.logged('genesys asks to wait');
  const used = calls.length / (minutes * PER_MINUTE);
  const result = { guests: count, used: Number(used.toFixed(3)), perMinute, most, refused };
  if (used < 0.95 || most > PER_MINUTE || refused > 0) throw new Error(`not as promised: ${JSON.stringify(result)}`);
  return result;
};

/** How many there were in the minute that begins then. @param {number[]} calls @param {number} from */
const inWindow = (calls, from) => calls.filter((at) => at >= from && at < from + MINUTE).length;
