import { POISON } from './faults.js';

/** The campaigns a guest goes through, one a change; each names its guest and its change, unless the CRMs refuse it. */
export function campaignsOf(guest: number): readonly string[] {
  const name = (change: number): string => `S${guest.toString(36).toUpperCase()}-${change}`;
  switch (guest % 20) {
    case 3:
      return [POISON];
    case 7:
      return [POISON, name(1)];
    case 11:
      return [name(0), POISON];
    default:
      return [0, 1, 2].slice(0, 1 + (guest % 3)).map(name);
  }
}

/** One change of one guest, the first of which makes it. */
export type Step = { readonly guest: number; readonly change: number };

/** A guest changes when so many others have been made. */
const CHANGES_AFTER = 25;

/** What is done, in this order: guests are made one by one, and changed while others are made. */
export function stepsOf(guests: number): Step[] {
  const steps = Array.from({ length: guests }, (_, guest) =>
    campaignsOf(guest).map((_campaign, change) => ({ guest, change, at: guest + change * CHANGES_AFTER })),
  );
  return steps.flat().sort((a, b) => a.at - b.at || a.guest - b.guest);
}
