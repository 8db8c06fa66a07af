'use strict';
/**
 * Creating guests, durably: `POST /v1/guests` with 1 and with 32 callers.
 *
 * - `ours`: the service as it is shipped, with a CRM that takes 50 ms to answer.
 * - `limit`: the same answer and the same rows on the same engine, without anything else: what this machine allows.
 * - `waiting`: checks, hashes, calls Genesys, calls the same CRM, waits for both and stores a guest and an audit row by itself.
 */
const { median, rounded } = require('../figures');
const { Client } = require('../http');
const { load } = require('../load');
const { machine } = require('../machine');
const { start } = require('../processes');
const { scratchFile } = require('../scratch');
const { CrmWatch, slowCrm } = require('../sandbox');
const { verify } = require('../verify');

const TARGET = { ofLimit: 0.4, overWaiting1: 15, overWaiting32: 3 };
/** How long a measurement waits at most for what the one before left to be done. */
const QUIET_MS = 10_000;

/**
 * @typedef {'ours' | 'limit' | 'waiting'} Variant
 * @typedef {import('../load').Measured} Measured
 */

/**
 * What is measured in each round. One caller mostly waits for answers, so that half the time tells as much.
 * @type {readonly { variant: Variant, callers: number, share: number }[]}
 */
const PLAN = [
  { variant: 'ours', callers: 1, share: 0.5 },
  { variant: 'limit', callers: 32, share: 1 },
  { variant: 'ours', callers: 32, share: 1 },
  { variant: 'waiting', callers: 1, share: 0.5 },
  { variant: 'waiting', callers: 32, share: 1 },
];

/** Code is compiled as it runs, and only what ran often enough runs at its speed: requests, and seconds at most. */
const WARM_UP = {
  ours: { calls: 15_000, seconds: 12 },
  limit: { calls: 15_000, seconds: 12 },
  waiting: { calls: 1_000, seconds: 4 },
};

/** @param {import('../main').Options} options */
async function run({ seconds, rounds, dist, profile, say }) {
  const build = { BENCH_DIST: dist };
  const other = await start('other-side', build);
  const { forService, forWaiting, platformUrl } = other.told;
  await Promise.all([slowCrm(forService), slowCrm(forWaiting)]);
  const [ours, limit, waiting] = await Promise.all([
    start('service', { ...build, ...forService.environment, ...placeOf('ours') }, { profile }),
    leaveFootprint(build).then((example) =>
      start('limit', { ...build, ...placeOf('limit'), BENCH_EXAMPLE: JSON.stringify(example) }),
    ),
    start('waiting', { ...build, ...forWaiting.environment, ...placeOf('waiting'), BENCH_PLATFORM_URL: platformUrl }),
  ]);
  const servers = { ours, limit, waiting };
  const rows = limit.told.rows;
  say(
    ` a create writes ${Object.entries(rows)
      .map(([table, count]) => `${count} ${table}`)
      .join(', ')}`,
  );

  /** @type {Record<Variant, string[]>} */
  const acknowledged = { ours: [], limit: [], waiting: [] };
  const crm = new CrmWatch(forService, () => acknowledged.ours.length);
  const next = requests(ours.told.apiKey);

  /** @param {Variant} variant @param {number} callers @param {{ seconds: number, calls?: number }} length */
  const measure = async (variant, callers, length) => {
    await crm.caughtUp(QUIET_MS);
    const measured = await load({
      origin: servers[variant].told.origin,
      callers,
      ...length,
      next,
      check: ({ status, text }) => {
        if (status !== 201) throw new Error(`${variant} answered ${status}: ${text.slice(0, 500)}`);
        acknowledged[variant].push(JSON.parse(text).id);
      },
    });
    const { perSecond, p50Ms, p99Ms, senderBusy } = measured;
    say(`  ${variant} x${callers}: ${perSecond}/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms (sender ${senderBusy} busy)`);
    if (variant === 'ours' && callers > 1) await crm.note();
    return measured;
  };

  say(' warm-up, not counted');
  for (const variant of /** @type {Variant[]} */ (['waiting', 'limit', 'ours']))
    await measure(variant, 32, WARM_UP[variant]);
  crm.forget();
  const about = machine();

  /** @type {Record<string, Measured>[]} */
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    say(` round ${round}`);
    /** @type {Record<string, Measured>} */
    const result = {};
    // Back and forth, so that whoever comes first in one round comes last in the next.
    for (const { variant, callers, share } of round % 2 === 1 ? PLAN : PLAN.toReversed())
      result[`${variant}${callers}`] = await measure(variant, callers, { seconds: seconds * share });
    results.push(result);
  }

  say(' checking what was stored');
  const drained = await crm.caughtUp(2 * QUIET_MS);
  await Promise.all([...Object.values(servers), other].map((server) => server.stop()));
  const stored = await verify(build, [
    { name: 'ours', place: placeOf('ours'), acknowledged: acknowledged.ours, rows, chains: true },
    { name: 'limit', place: placeOf('limit'), acknowledged: acknowledged.limit, rows },
    { name: 'waiting', place: placeOf('waiting'), acknowledged: acknowledged.waiting, rows: { guest: 1, audit: 1 } },
  ]);

  const result = summary(results);
  const { ofLimit, overWaiting1, overWaiting32 } = result.ratio;
  say(` ours is ${ofLimit} of the limit, ${overWaiting1} times waiting x1, ${overWaiting32} times waiting x32`);
  return {
    ...result,
    target: TARGET,
    seconds,
    crm: { drained, lags: crm.lags },
    rowsPerCreate: rows,
    stored,
    ...about,
  };
}

/** @param {string} name */
const placeOf = (name) => ({ DATA_DIR: scratchFile(name), PORT: '0', SANDBOX_PORT: '0' });

/**
 * Lets the service make one guest: what it answered, and what is on the disk once the CRM has the guest too, is what a create consists of.
 * @param {Record<string, string>} build
 */
async function leaveFootprint(build) {
  const other = await start('other-side', build);
  const { forService } = other.told;
  const service = await start('service', { ...build, ...forService.environment, ...placeOf('limit') });
  const client = new Client(service.told.origin, 1);
  const { status, text } = await client.send(requests(service.told.apiKey)());
  if (status !== 201) throw new Error(`the service answered ${status}: ${text.slice(0, 500)}`);
  const delivered = await new CrmWatch(forService, () => 1).caughtUp(QUIET_MS);
  client.close();
  // It settles what the CRM has answered before it leaves.
  await service.stop();
  await other.kill();
  if (!delivered) throw new Error('the CRM was not told');
  return { id: JSON.parse(text).id, text };
}

/**
 * Everybody is somebody else.
 * @param {string} apiKey
 */
function requests(apiKey) {
  let count = 0;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  return () => {
    count++;
    const body = {
      mode: 'widget',
      email: `guest.${count}@example.com`,
      phone: `+353 1 2${String(count % 1_000_000).padStart(6, '0')}`,
      consent: { marketing: false, dataProcessing: true },
      channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
    };
    return { method: 'POST', path: '/v1/guests', headers, body: JSON.stringify(body) };
  };
}

/** @param {readonly Record<string, Measured>[]} results one a round */
function summary(results) {
  /** @param {'perSecond' | 'p50Ms' | 'p99Ms'} figure @param {number} callers */
  const medians = (figure, callers) =>
    Object.fromEntries(
      PLAN.filter((each) => each.callers === callers).map(({ variant }) => [
        variant,
        median(results.map((result) => /** @type {Measured} */ (result[`${variant}${callers}`])[figure])),
      ]),
    );
  /** @param {string} one @param {string} other @param {number} digits */
  const ratios = (one, other, digits) =>
    results.map(({ [one]: a, [other]: b }) => rounded((a?.perSecond ?? NaN) / (b?.perSecond ?? NaN), digits));
  const ratio = {
    ofLimit: ratios('ours32', 'limit32', 3),
    overWaiting1: ratios('ours1', 'waiting1', 2),
    overWaiting32: ratios('ours32', 'waiting32', 2),
  };
  return {
    callers: 32,
    perSecond: medians('perSecond', 32),
    p50Ms: medians('p50Ms', 32),
    p99Ms: medians('p99Ms', 32),
    oneCaller: { perSecond: medians('perSecond', 1), p50Ms: medians('p50Ms', 1), p99Ms: medians('p99Ms', 1) },
    ratio: {
      ofLimit: median(ratio.ofLimit),
      overWaiting1: median(ratio.overWaiting1),
      overWaiting32: median(ratio.overWaiting32),
    },
    rounds: results.map((result, index) => ({
      perSecond: Object.fromEntries(Object.entries(result).map(([name, { perSecond }]) => [name, perSecond])),
      ofLimit: ratio.ofLimit[index],
      overWaiting1: ratio.overWaiting1[index],
      overWaiting32: ratio.overWaiting32[index],
    })),
    senderBusy: Math.max(...results.flatMap((result) => Object.values(result).map((one) => one.senderBusy))),
  };
}

module.exports = { run };
