'use strict';
/**
 * What is asked of guests that exist already: the service against raw Fastify with the same statements on the same engine, 32 callers. The CRM of the
 * service takes 50 ms to answer.
 */
const { setTimeout: sleep } = require('node:timers/promises');
const { median, rounded } = require('./figures');
const { Client } = require('./http');
const { load } = require('./load');
const { machine } = require('./machine');
const { start } = require('./processes');
const { CrmWatch, slowCrm } = require('./sandbox');
const { scratchFile } = require('./scratch');
const { verify } = require('./verify');

const CALLERS = 32;
const GUESTS = 512;
const TARGET = { ofRaw: 0.5 };
/** Entries a create leaves in the trail: that it happened, and that the CRM was told. */
const ENTRIES_OF_CREATE = 2;
const WARM_UP = { calls: 15_000, seconds: 12 };
/** How long the CRM may take to be told of what was done before. */
const QUIET_MS = 20_000;

/**
 * @typedef {'ours' | 'raw' | 'together'} Variant `together`: raw, as it serves many at once
 * @typedef {(id: string, turn: number) => import('./http').Call} Asked `turn`: how often this guest was asked before
 */

/**
 * @param {string} name of the scenario
 * @param {Asked} asked
 * @param {import('./main').Options & { together?: Asked }} options `together`: how raw is asked to serve many at once
 */
async function againstRaw(name, asked, { seconds, rounds, dist, profile, say, together }) {
  const build = { BENCH_DIST: dist };
  const other = await start('other-side', build);
  const environment = { ...build, ...other.told.forService.environment };
  const ofRaw = /** @type {string[]} */ ([]);
  const ids = { raw: ofRaw, together: ofRaw, ours: /** @type {string[]} */ ([]) };
  const variants = /** @type {Variant[]} */ (['raw', ...(together === undefined ? [] : ['together']), 'ours']);
  const crm = new CrmWatch(other.told.forService, () => ids.raw.length + ids.ours.length);
  await fill(ids.raw, placeOf('raw', name), environment, crm);
  const statements = scratchFile(`${name}-statements.json`);
  const text = await changeSome(ids.raw, placeOf('raw', name), environment, statements);
  await slowCrm(other.told.forService);
  const raw = await start('raw', {
    ...build,
    ...placeOf('raw', name),
    BENCH_STATEMENTS: statements,
    BENCH_EXAMPLE: JSON.stringify({ id: ids.raw[0], text }),
  });
  const ours = await start('service', { ...environment, ...placeOf('ours', name) }, { profile });
  ids.ours.push(...(await create(ours.told)));
  if (!(await crm.caughtUp(QUIET_MS))) throw new Error('the CRM was not told');
  const servers = { ours, raw, together: raw };

  const calls = { ours: 0, raw: 0, together: 0 };
  /** @param {Variant} variant @param {{ seconds: number, calls?: number }} length */
  const measure = async (variant, length) => {
    const authorization = `Bearer ${ours.told.apiKey}`;
    const measured = await load({
      origin: servers[variant].told.origin,
      callers: CALLERS,
      ...length,
      next: () => {
        const at = calls[variant]++;
        const ask = variant === 'together' && together !== undefined ? together : asked;
        const call = ask(/** @type {string} */ (ids[variant][at % GUESTS]), Math.floor(at / GUESTS));
        return { ...call, headers: { authorization, ...call.headers } };
      },
      check: ({ status, text }) => {
        if (status !== 200) throw new Error(`${variant} answered ${status}: ${text.slice(0, 500)}`);
      },
    });
    say(
      `  ${variant}: ${measured.perSecond}/s, p50 ${measured.p50Ms} ms, p99 ${measured.p99Ms} ms (sender ${measured.senderBusy} busy)`,
    );
    return measured;
  };

  say(' warm-up, not counted');
  for (const variant of variants) await measure(variant, WARM_UP);
  const about = machine();
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    say(` round ${round}`);
    const order = round % 2 === 1 ? variants.toReversed() : variants;
    /** @type {Record<string, import('./load').Measured>} */
    const result = {};
    for (const variant of order) result[variant] = await measure(variant, { seconds });
    results.push(/** @type {Record<Variant, import('./load').Measured>} */ (result));
  }

  await Promise.all([ours, raw, other].map((server) => server.stop()));
  const stored = await verify(build, [
    { name: 'ours', place: placeOf('ours', name), acknowledged: ids.ours, rows: { guest: 1 }, chains: true },
    { name: 'raw', place: placeOf('raw', name), acknowledged: ids.raw, rows: { guest: 1 } },
  ]);
  /** @param {'perSecond' | 'p50Ms' | 'p99Ms'} figure */
  const medians = (figure) =>
    Object.fromEntries(variants.map((variant) => [variant, median(results.map((result) => result[variant][figure]))]));
  /** @param {Variant} variant */
  const ratioTo = (variant) => results.map((result) => rounded(result.ours.perSecond / result[variant].perSecond, 3));
  const ratios = { ofRaw: ratioTo('raw'), ...(together === undefined ? {} : { ofTogether: ratioTo('together') }) };
  const ratio = Object.fromEntries(Object.entries(ratios).map(([key, all]) => [key, rounded(median(all), 3)]));
  say(` ours is ${JSON.stringify(ratio)}`);
  return {
    callers: CALLERS,
    guests: GUESTS,
    perSecond: medians('perSecond'),
    p50Ms: medians('p50Ms'),
    p99Ms: medians('p99Ms'),
    ratio,
    target: TARGET,
    rounds: results.map((result, index) => ({
      perSecond: Object.fromEntries(variants.map((variant) => [variant, result[variant].perSecond])),
      ...Object.fromEntries(Object.entries(ratios).map(([key, all]) => [key, all[index]])),
    })),
    senderBusy: Math.max(...results.flatMap((result) => variants.map((variant) => result[variant].senderBusy))),
    seconds,
    stored,
    // Changes of one guest that the CRM hears of together leave fewer than the two that raw writes each time.
    ...(name === 'patch'
      ? { entriesPerChange: rounded(((stored['ours']?.entries ?? NaN) - ENTRIES_OF_CREATE * GUESTS) / calls.ours, 2) }
      : {}),
    ...about,
  };
}

/** @param {Variant} variant @param {string} name */
const placeOf = (variant, name) => ({ DATA_DIR: scratchFile(`${name}-${variant}`), PORT: '0', SANDBOX_PORT: '0' });

/**
 * Guests in a database that nobody has open afterwards.
 * @param {string[]} ids whose are added
 * @param {Record<string, string>} place
 * @param {Record<string, string>} environment
 * @param {CrmWatch} crm
 */
async function fill(ids, place, environment, crm) {
  const service = await start('service', { ...environment, ...place });
  ids.push(...(await create(service.told)));
  if (!(await crm.caughtUp(QUIET_MS))) throw new Error('the CRM was not told');
  // It settles what the CRM has answered before it leaves.
  await service.stop();
}

/**
 * What the service answers when it changes a guest; the statements it puts for many at once are in `statements` afterwards.
 * @param {readonly string[]} ids
 * @param {Record<string, string>} place
 * @param {Record<string, string>} environment
 * @param {string} statements
 */
async function changeSome(ids, place, environment, statements) {
  const service = await start('statements', { ...environment, ...place, BENCH_STATEMENTS: statements });
  const client = new Client(service.told.origin, CALLERS);
  const authorization = `Bearer ${service.told.apiKey}`;
  const texts = await Promise.all(
    ids.slice(0, CALLERS).map(async (id) => {
      const { headers, ...call } = change(id, 0);
      const { status, text } = await client.send({ ...call, headers: { ...headers, authorization } });
      if (status !== 200) throw new Error(`the service answered ${status}: ${text.slice(0, 500)}`);
      await synced(client, authorization, id, JSON.parse(text).version);
      return text;
    }),
  );
  client.close();
  await service.stop();
  return texts[0];
}

/**
 * Until the trail says that the CRM holds this version.
 * @param {Client} client
 * @param {string} authorization
 * @param {string} id
 * @param {number} version
 */
async function synced(client, authorization, id, version) {
  const path = `/v1/audit/entries?subject=guest:${id}`;
  for (let left = 100; left > 0; left--) {
    const { text } = await client.send({ method: 'GET', path, headers: { authorization }, body: '' });
    const entries = /** @type {{ event: string, changes: { version: number } }[]} */ (JSON.parse(text).items);
    if (entries.some(({ event, changes }) => event === 'CRM_SYNCED' && changes.version === version)) return;
    await sleep(50);
  }
  throw new Error('the CRM was not told of a change');
}

/** @param {{ origin: string, apiKey: string }} service */
async function create({ origin, apiKey }) {
  const client = new Client(origin, CALLERS);
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const ids = await Promise.all(
    Array.from({ length: GUESTS }, async (_, at) => {
      const body = JSON.stringify({
        mode: 'widget',
        email: `guest.${at}@example.com`,
        consent: { marketing: false, dataProcessing: true },
        channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
        attributes: { source: 'website' },
      });
      const { status, text } = await client.send({ method: 'POST', path: '/v1/guests', headers, body });
      if (status !== 201) throw new Error(`the service answered ${status}: ${text.slice(0, 500)}`);
      return /** @type {string} */ (JSON.parse(text).id);
    }),
  );
  client.close();
  return ids;
}

/**
 * A change that is one each time.
 * @type {Asked}
 */
const change = (id, turn) => ({
  method: 'PATCH',
  path: `/v1/guests/${id}`,
  headers: { 'content-type': 'application/merge-patch+json', 'if-match': '*' },
  body: JSON.stringify({ attributes: { source: turn % 2 === 0 ? 'ads' : 'website' } }),
});

module.exports = { againstRaw, change };
