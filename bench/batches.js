'use strict';
/** Those who ask at once are served together, as by the service's own commits. */
const { setImmediate: nextTurn } = require('node:timers/promises');

const BATCH = 64;

/**
 * @template T
 * @param {(members: T[]) => Promise<void>} serve one batch after another, of at most 64
 * @returns {(member: T) => Promise<void>} resolves when the batch the member was in is served
 */
function inBatches(serve) {
  /** @type {{ member: T, resolve: () => void, reject: (error: unknown) => void }[]} */
  const waiting = [];
  let working = false;
  const workOff = async () => {
    working = true;
    while (waiting.length > 0) {
      await nextTurn();
      const batch = waiting.splice(0, BATCH);
      await serve(batch.map(({ member }) => member)).then(
        () => batch.forEach(({ resolve }) => resolve()),
        (error) => batch.forEach(({ reject }) => reject(error)),
      );
    }
    working = false;
  };
  return (member) =>
    new Promise((resolve, reject) => {
      waiting.push({ member, resolve, reject });
      if (!working) void workOff();
    });
}

module.exports = { inBatches };
