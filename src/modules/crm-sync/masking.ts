import type { DeadLetter } from './crm-sync.js';

/** Enough to tell two hashes apart, and too little to look anybody up by. */
const SHOWN = 6;

const maskedHash = (hash: string | null): string | null => (hash === null ? null : `${hash.slice(0, SHOWN)}…`);

/** For people to look at: with nothing in it that stands for a person elsewhere. */
export const masked = ({ record, ...letter }: DeadLetter): DeadLetter => ({
  ...letter,
  record: { ...record, emailHash: maskedHash(record.emailHash), phoneHash: maskedHash(record.phoneHash) },
});
