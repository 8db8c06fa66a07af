'use strict';
/** Memory per idle live guest: what the guest channel holds for each, above a bare `ws` client that holds the same socket. */
const { median, rounded } = require('../figures');
const { machine } = require('../machine');
const { ask, start } = require('../processes');

const TARGET = { kilobytesAboveBare: 25 };

/** @param {import('../main').Options} options */
async function run({ rounds, guests, dist, say }) {
  const build = { BENCH_DIST: dist };
  /** @type {Record<'bare' | 'ours', { heapBytes: number, rssBytes: number }[]>} */
  const measured = { bare: [], ours: [] };
  for (let round = 1; round <= rounds; round++)
    for (const variant of /** @type {const} */ (['bare', 'ours'])) {
      // A new one each time: what it remembers of thousands of guests would slow it down.
      const other = await start('other-side', build);
      const settings = { BENCH_VARIANT: variant, BENCH_GUESTS: String(guests) };
      const each = await ask('sockets', { ...build, ...settings, ...other.told.forService.environment });
      await other.stop();
      measured[variant].push(each);
      say(`  round ${round}, ${variant}: ${kilobytes(each.heapBytes)} kB a guest`);
    }
  const [bare, ours] = [measured.bare, measured.ours].map((all) => ({
    kilobytes: kilobytes(median(all.map(({ heapBytes }) => heapBytes))),
    residentKilobytes: kilobytes(median(all.map(({ rssBytes }) => rssBytes))),
  }));
  const kilobytesAboveBare = rounded(/** @type {any} */ (ours).kilobytes - /** @type {any} */ (bare).kilobytes, 1);
  const met = kilobytesAboveBare <= TARGET.kilobytesAboveBare;
  return { machine: machine(), guests, bare, ours, kilobytesAboveBare, target: TARGET, met };
}

/** @param {number} bytes */
const kilobytes = (bytes) => rounded(bytes / 1_000, 1);

module.exports = { run };
