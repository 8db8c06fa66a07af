import { isOver } from './guest.js';
import type { Guest } from './guest.js';

/** `deleted`, `emptied` of all but a key, found to be `absent`, `erased` by a process of their own, or done `by-hand`, as somebody has told us. */
export const OUTCOMES = ['deleted', 'emptied', 'absent', 'erased', 'by-hand'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How far erasure is somewhere. */
export type Standing = {
  /**
   * `waiting` to be done; `asked` for, which takes its time; `done`. `open`: it will not be done before somebody has done it by hand, or has seen to what
   * `code` says and asked for the erasure again.
   */
  readonly state: 'waiting' | 'asked' | 'done' | 'open';
  /** What was done; null before. */
  readonly outcome: Outcome | null;
  /** What keeps it from being done; null when nothing does. */
  readonly code: string | null;
  /** Since when, ISO 8601 in UTC. */
  readonly at: string;
};

/** Somewhere outside of this service that something about a guest is. `name` is `crm/<id>` or `genesys`. */
export type Place = Standing & { readonly name: string } & (
    | {
        readonly kind: 'crm';
        readonly crm: string;
        /** What the CRM calls its record, as far as it was told to us. */
        readonly remoteId: string | null;
        /** Something of the guest was on its way there when it was erased here. */
        readonly isUnderWay: boolean;
      }
    | {
        readonly kind: 'genesys';
        /** Those that became known here. `contactId`: the external contact that it was seen to be put with. */
        readonly conversations: readonly {
          readonly id: string;
          readonly isOpen: boolean;
          readonly contactId: string | null;
        }[];
        /** There may be one that did not become known here. */
        readonly mayBeMore?: boolean;
        /** Something was on its way there when the guest was erased here. */
        readonly isUnderWay?: boolean;
        /** The contacts that Genesys is to erase; empty until they are known. */
        readonly contacts: readonly DueContact[];
      }
  );
/** `requestId`: of Genesys's own erasure, null until it is known. `askedAt`: since when it may have been asked, ISO 8601 in UTC; null when it was not. */
export type DueContact = { readonly id: string; readonly requestId: string | null; readonly askedAt: string | null };
export type GenesysPlace = Extract<Place, { kind: 'genesys' }>;
export type CrmPlace = Extract<Place, { kind: 'crm' }>;

/** That a guest was to be erased (GDPR Art. 17), and what became of it. Holds ids and times, and stays when the guest is gone. */
export type Erasure = {
  readonly id: string;
  readonly guestId: string;
  readonly requestedAt: Date;
  /** Since when this service keeps nothing of the guest any more; null while its session is being ended. */
  readonly erasedAt: Date | null;
  /** Where else the guest was. Empty until `erasedAt`. */
  readonly places: readonly Place[];
};

/** `ending`: the session is being ended first. `incomplete`: places are `open`, whatever else is still `under-way`. `erased` everywhere. */
export const ERASURE_STATES = ['ending', 'under-way', 'erased', 'incomplete'] as const;
export type ErasureState = (typeof ERASURE_STATES)[number];
export const UNFINISHED = ERASURE_STATES.filter((state) => state !== 'erased');

/** How long the end of a session is waited for, in milliseconds. Then the guest is erased here all the same, and its conversation ended by the organisation. */
export const ENDING_MS = 5 * 60_000;

/**
 * Whether the session is over and its conversations are known. Those that may be besides are waited for a little longer; one of which a message
 * is known, for as long as it is looked for by that.
 */
export const isEnded = (guest: Guest, joins: boolean | null, at: Date): boolean =>
  isOver(guest) &&
  guest.beganWith === null &&
  (!maySpeakUnheard(guest, joins) || at.getTime() >= guest.closedDate!.getTime() + ENDING_MS);

export function stateOf({ erasedAt, places }: Erasure): ErasureState {
  if (erasedAt === null) return 'ending';
  if (places.some(({ state }) => state === 'open')) return 'incomplete';
  return places.every(({ state }) => state === 'done') ? 'erased' : 'under-way';
}

/** Where a guest is besides here. `crms`: those that were ever sent something about it. `isUnderWay`: something is on its way to Genesys. */
export function placesOf(
  guest: Guest,
  crms: readonly { readonly crm: string; readonly remoteId: string | null; readonly isUnderWay: boolean }[],
  { joins, isUnderWay }: { readonly joins: boolean | null; readonly isUnderWay: boolean },
  at: Date,
): Place[] {
  const waiting = { state: 'waiting', outcome: null, code: null, at: at.toISOString() } as const;
  const conversations = guest.conversations.map(({ id, endedAt, contactId = null }) => ({
    ...{ id, isOpen: endedAt === null, contactId },
  }));
  const mayBeMore = guest.beganWith !== null || maySpeakUnheard(guest, joins);
  return [
    ...crms.map((crm) => ({ kind: 'crm' as const, name: `crm/${crm.crm}`, ...crm, ...waiting })),
    ...(conversations.length > 0 || mayBeMore
      ? [{ kind: 'genesys' as const, name: 'genesys', conversations, mayBeMore, isUnderWay, contacts: [], ...waiting }]
      : []),
  ];
}

/** Whether there may be a conversation though none is known here: only of a silent guest whose socket was ours, and said nothing by itself, there is none. */
const maySpeakUnheard = (guest: Guest, joins: boolean | null): boolean =>
  guest.conversations.length === 0 && (guest.mode === 'widget' || guest.interactionCount > 0 || joins !== false);

/** With one place as it is now. Of what is done only the ids stay by which others can be asked about it. */
export const withPlace = (erasure: Erasure, place: Place): Erasure => ({
  ...erasure,
  places: erasure.places.map((known) => (known.name === place.name ? lean(place) : known)),
});

function lean(place: Place): Place {
  if (place.state !== 'done' || place.outcome === 'by-hand') return place;
  return place.kind === 'crm' ? { ...place, remoteId: null } : { ...place, conversations: [] };
}

/** Asked for again: what was left open is to be tried once more. */
export const reopened = (erasure: Erasure, at: Date): Erasure => ({
  ...erasure,
  places: erasure.places.map((place) =>
    place.state === 'open' ? { ...place, state: 'waiting', code: null, at: at.toISOString() } : place,
  ),
});
