'use strict';
/** Genesys Cloud's Platform API answers 503 for minutes while guests change: afterwards it holds the newest state of every one of them. */
const { setTimeout: sleep } = require('node:timers/promises');
const { openWorld, until } = require('../world');

const GUESTS = 50;

/** @param {{ minutes: number, guests: number | null, say: (sentence: string) => void }} options */
exports.run = async function run({ minutes, guests, say }) {
  const world = await openWorld();
  const ids = await world.guests(guests ?? GUESTS);
  await until('every guest is linked', 180_000, async () => {
    const states = await Promise.all(ids.map((id) => world.api('GET', `/v1/guests/${id}`)));
    return states.every(({ genesys }) => genesys.linked);
  });
  say(`${ids.length} guests are linked; Genesys goes away`);
  const away = { target: 'genesys', match: '/api/v2/', effect: { status: 503 }, times: 1_000_000_000 };
  await world.other('POST', '/sandbox/faults', away);
  const from = Date.now();
  let changes = 0;
  for (; Date.now() < from + minutes * 60_000; changes++) {
    await world.api('PATCH', `/v1/guests/${ids[changes % ids.length]}`, { attributes: { locale: `n${changes}` } });
    await sleep(250);
  }
  const during = (await world.calls()).filter((at) => at >= from).length;
  const backAt = Date.now();
  await world.other('DELETE', '/sandbox/faults');
  say(`${changes} changes were acknowledged meanwhile, and Genesys was asked ${during} times; it is back`);
  const newest = new Map(ids.map((id, index) => [id, lastOf(index, ids.length, changes)]));
  const behind = async () => {
    const told = await world.told();
    return [...newest].filter(([id, locale]) => locale !== null && told.get(id)?.['locale'] !== locale).length;
  };
  const wanted = [...newest.values()].filter((locale) => locale !== null).length;
  await until('something moves again', 5_000 + 1_000, async () => (await behind()) < wanted);
  const movedMs = Date.now() - backAt;
  await until('Genesys holds the newest state of every guest', 300_000, async () => (await behind()) === 0);
  world.close();
  const parked = world.logged('intent parked');
  if (parked > 0) throw new Error(`${parked} intents were given up`);
  return {
    guests: ids.length,
    changes,
    callsPerMinuteWhileAway: Math.round(during / minutes),
    movedMs,
    caughtUpMs: Date.now() - backAt,
  };
};

/** The last value the guest at this place was given. @param {number} index @param {number} count @param {number} changes */
function lastOf(index, count, changes) {
  const last = changes - 1 - ((((changes - 1 - index) % count) + count) % count);
  return last < 0 ? null : `n${last}`;
}
