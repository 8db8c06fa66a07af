'use strict';
/**
 * A CRM fails at random in a fifth of its calls, in every way it can, while guests are made and changed and the service is killed five times: in the
 * end each guest is there once in its newest state, or among the dead letters with the true reason. The suite does the same in short.
 */
require('../../test/storage/register');
const { crmStorm } = require('../../test/support/crm-storm/storm.ts');
const { stepsOf } = require('../../test/support/crm-storm/guests.ts');
const { wrongIn } = require('../../test/support/crm-storm/verdict.ts');

const GUESTS = 10_000;

/** @param {{ minutes: number, guests: number | null, say: (sentence: string) => void }} options */
exports.run = async function run({ minutes, guests, say }) {
  const count = guests ?? GUESTS;
  const stepsPerSecond = stepsOf(count).length / (minutes * 60);
  const seed = Math.floor(Math.random() * 1_000_000);
  const options = { crms: ['rest'], guests: count, kills: 5, share: 0.2, seed, stepsPerSecond, say };
  const { lost, crms, ...report } = await crmStorm(options);
  const [verdict] = Object.values(crms);
  const wrong = wrongIn(verdict);
  const { inTheCrm, deadLetters, calls, struck } = verdict;
  const result = { guests: count, seed, ...report, inTheCrm, deadLetters, calls, struck, lost, wrong: wrong.length };
  if (lost > 0 || wrong.length > 0 || struck.includes(0))
    throw new Error(`not as promised: ${JSON.stringify(result)} ${wrong.slice(0, 5).join(', ')}`);
  return result;
};
