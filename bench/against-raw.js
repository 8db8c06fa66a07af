'use strict';
/** What is asked of guests that exist already: the service against raw Fastify with the same statements on the same engine, 32 callers. */
const { median, rounded } = require('./figures');
const { Client } = require('./http');
const { load } = require('./load');
const { machine } = require('./machine');
const { ask, start } = require('./processes');
const { scratchFile } = require('./scratch');
const { verify } = require('./verify');

const CALLERS = 32;
const GUESTS = 512;
const TARGET = { ofRaw: 0.5 };
const WARM_UP = { calls: 6_000, seconds: 8 };

/**
 * @typedef {'ours' | 'raw'} Variant
 * @typedef {(id: string, turn: number) => import('./http').Call} Asked `turn`: how often this guest was asked before
 */

/**
 * @param {string} name of the scenario
 * @param {Asked} asked
 * @param {import('./main').Options} options
 */
async function againstRaw(name, asked, { seconds, rounds, dist, profile, say }) {
  const build = { BENCH_DIST: dist };
  const other = await start('other-side', build);
  const environment = { ...build, ...other.told.forService.environment };
  // A CRM's verdicts leave rows too, sooner or later: what a change leaves is told apart while there are none.
  const sandbox = other.told.forService.url;
  await steer(sandbox, 'POST', { target: 'crm/rest', match: 'upsert', effect: { status: 503 }, times: 1_000_000 });
  const ids = { raw: await fill(placeOf('raw', name), environment), ours: /** @type {string[]} */ ([]) };
  const example = await changeOne(ids.raw[0] ?? '', placeOf('raw', name), environment);
  await steer(sandbox, 'DELETE');
  const raw = await start('raw', {
    ...build,
    ...placeOf('raw', name),
    BENCH_BEFORE: JSON.stringify(example.before),
    BENCH_EXAMPLE: JSON.stringify({ id: ids.raw[0], text: example.text }),
  });
  const ours = await start('service', { ...environment, ...placeOf('ours', name) }, { profile });
  ids.ours = await create(ours.told);
  const servers = { ours, raw };
  if (name === 'patch') say(` a change ${raw.told.writes.join(', ')}`);

  const calls = { ours: 0, raw: 0 };
  /** @param {Variant} variant @param {{ seconds: number, calls?: number }} length */
  const measure = async (variant, length) => {
    const authorization = `Bearer ${ours.told.apiKey}`;
    const measured = await load({
      origin: servers[variant].told.origin,
      callers: CALLERS,
      ...length,
      next: () => {
        const at = calls[variant]++;
        const call = asked(/** @type {string} */ (ids[variant][at % GUESTS]), Math.floor(at / GUESTS));
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
  for (const variant of /** @type {Variant[]} */ (['raw', 'ours'])) await measure(variant, WARM_UP);
  const about = machine();
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    say(` round ${round}`);
    const order = /** @type {Variant[]} */ (round % 2 === 1 ? ['ours', 'raw'] : ['raw', 'ours']);
    /** @type {Record<string, import('./load').Measured>} */
    const result = {};
    for (const variant of order) result[variant] = await measure(variant, { seconds });
    results.push(/** @type {Record<Variant, import('./load').Measured>} */ (result));
  }

  await Promise.all([ours, raw, other].map((server) => server.stop()));
  const stored = await verify(build, [
    { name: 'ours', place: placeOf('ours', name), acknowledged: ids.ours, rows: { guest: 1 }, chains: true },
  ]);
  /** @param {'perSecond' | 'p50Ms' | 'p99Ms'} figure */
  const medians = (figure) => ({
    ours: median(results.map((result) => result.ours[figure])),
    raw: median(results.map((result) => result.raw[figure])),
  });
  const ofRaw = results.map((result) => rounded(result.ours.perSecond / result.raw.perSecond, 3));
  say(` ours is ${median(ofRaw)} of raw`);
  return {
    callers: CALLERS,
    guests: GUESTS,
    perSecond: medians('perSecond'),
    p50Ms: medians('p50Ms'),
    p99Ms: medians('p99Ms'),
    ratio: { ofRaw: median(ofRaw) },
    target: TARGET,
    rounds: results.map((result, index) => ({
      perSecond: { ours: result.ours.perSecond, raw: result.raw.perSecond },
      ofRaw: ofRaw[index],
    })),
    senderBusy: Math.max(...results.flatMap((result) => [result.ours.senderBusy, result.raw.senderBusy])),
    seconds,
    stored,
    ...about,
  };
}

/** @param {Variant} variant @param {string} name */
const placeOf = (variant, name) => ({ DATA_DIR: scratchFile(`${name}-${variant}`), PORT: '0', SANDBOX_PORT: '0' });

/**
 * Takes faults to the other side, or takes all away.
 * @param {string} url
 * @param {'POST' | 'DELETE'} method
 * @param {object} [fault]
 */
async function steer(url, method, fault) {
  const client = new Client(url, 1);
  const body = fault === undefined ? '' : JSON.stringify(fault);
  const headers = fault === undefined ? {} : { 'content-type': 'application/json' };
  const { status } = await client.send({ method, path: '/sandbox/faults', headers, body });
  client.close();
  if (status >= 300) throw new Error(`the sandbox answered ${status} to ${method}`);
}

/**
 * Guests in a database that nobody has open afterwards.
 * @param {Record<string, string>} place
 * @param {Record<string, string>} environment
 */
async function fill(place, environment) {
  const service = await start('service', { ...environment, ...place });
  const ids = await create(service.told);
  await service.stop();
  return ids;
}

/**
 * What is known of a guest before the service changes it, and what the service answers then.
 * @param {string} id
 * @param {Record<string, string>} place
 * @param {Record<string, string>} environment
 */
async function changeOne(id, place, environment) {
  const before = await ask('footprint', { ...environment, ...place, BENCH_GUEST: id });
  const service = await start('service', { ...environment, ...place });
  const client = new Client(service.told.origin, 1);
  const { headers, ...call } = change(id, 0);
  const authorization = `Bearer ${service.told.apiKey}`;
  const { status, text } = await client.send({ ...call, headers: { ...headers, authorization } });
  client.close();
  await service.stop();
  if (status !== 200) throw new Error(`the service answered ${status}: ${text.slice(0, 500)}`);
  return { before, text };
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
