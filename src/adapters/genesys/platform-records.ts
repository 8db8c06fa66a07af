import { ConversationRecords } from '../../modules/guest/index.js';
import type { Claim, ClaimPage, ConversationRecord, Interval } from '../../modules/guest/index.js';
import type { OptionalCalls } from './optional-calls.js';
import type { PlatformClient } from './platform-client.js';

const DETAILS = 'analytics:conversationDetail:view';
/** What one page of the query may hold. */
const PAGE_SIZE = 100;

/** `ConversationRecords` by analytics and the search for participant attributes. */
export class PlatformRecords extends ConversationRecords {
  /** No limit is documented for either call; with these an address stays under 2 kB. */
  readonly most = 50;

  constructor(
    private readonly platform: PlatformClient,
    private readonly optional: OptionalCalls,
  ) {
    super();
  }

  async of(conversationIds: readonly string[]): Promise<ConversationRecord[] | null> {
    const answer = await this.optional.call('conversation details', DETAILS, () =>
      this.platform.call('getAnalyticsConversationsDetails', ({ analytics }) =>
        analytics.getAnalyticsConversationsDetails({ id: [...conversationIds] }),
      ),
    );
    return answer && ((answer.conversations ?? []) as Details[]).flatMap(recordOf);
  }

  begunFor(guestIds: readonly string[], interval: Interval): Promise<Claim[] | null> {
    return this.query({ interval, segmentFilters: anyOf('journeyCustomerId', guestIds) }, (details) =>
      (details.participants ?? []).flatMap(({ sessions = [] }) => sessions.map((each) => each.journeyCustomerId)),
    );
  }

  taggedFor(guestIds: readonly string[], interval: Interval): Promise<Claim[] | null> {
    return this.query({ interval, conversationFilters: anyOf('externalTag', guestIds) }, (details) => [
      details.externalTag,
    ]);
  }

  async naming({ from, until }: Interval, cursor: string | null): Promise<ClaimPage | null> {
    const answer = await this.optional.call('attribute search', 'conversation:participant:attributesview', () =>
      this.platform.call('postConversationsParticipantsAttributesSearch', ({ conversations }) =>
        conversations.postConversationsParticipantsAttributesSearch({
          query: [
            {
              type: 'DATE_RANGE',
              fields: ['startTime'],
              startValue: from.toISOString(),
              endValue: until.toISOString(),
            },
          ],
          ...(cursor === null ? {} : { cursor }),
        }),
      ),
    );
    if (answer === null) return null;
    const rows = Array.isArray(answer.results) ? (answer.results as Row[]) : [];
    return { claims: rows.flatMap(claimOf), cursor: answer.cursor ?? null };
  }

  /** What begins on a page after the first is found another time: its guests are asked for again. */
  private async query(
    { interval: { from, until }, ...filters }: { readonly interval: Interval } & Filters,
    namesIn: (details: Details) => readonly (string | undefined)[],
  ): Promise<Claim[] | null> {
    const answer = await this.optional.call('conversation details', DETAILS, () =>
      this.platform.call('postAnalyticsConversationsDetailsQuery', ({ analytics }) =>
        analytics.postAnalyticsConversationsDetailsQuery({
          interval: `${from.toISOString()}/${until.toISOString()}`,
          order: 'desc',
          orderBy: 'conversationStart',
          paging: { pageSize: PAGE_SIZE, pageNumber: 1 },
          ...filters,
        }),
      ),
    );
    return (
      answer &&
      ((answer.conversations ?? []) as Details[]).flatMap((details) => {
        const guestId = namesIn(details).find((name) => name !== undefined);
        return details.conversationId === undefined || guestId === undefined
          ? []
          : [{ conversationId: details.conversationId, guestId }];
      })
    );
  }
}

type Filter = { type: string; predicates: { type: string; dimension: string; operator: string; value: string }[] };
type Filters = { readonly segmentFilters?: Filter[]; readonly conversationFilters?: Filter[] };

const anyOf = (dimension: string, values: readonly string[]): Filter[] => [
  {
    type: 'or',
    predicates: values.map((value) => ({ type: 'dimension', dimension, operator: 'matches', value })),
  },
];

/** The fields of `AnalyticsConversationWithoutAttributes` we use; every one may be missing, whatever its type says. */
type Details = {
  conversationId?: string;
  conversationEnd?: string;
  externalTag?: string;
  participants?: {
    purpose?: string;
    externalContactId?: string;
    sessions?: { journeyCustomerId?: string }[];
  }[];
};

function recordOf({ conversationId, conversationEnd, participants = [] }: Details): ConversationRecord[] {
  if (conversationId === undefined) return [];
  const contactId = participants.findLast(({ purpose }) => isGuest(purpose))?.externalContactId;
  return [
    {
      id: conversationId,
      endedAt: conversationEnd === undefined ? null : new Date(conversationEnd),
      ...(contactId === undefined ? {} : { contactId }),
    },
  ];
}

/** A row of the attribute search, as it is met in live organisations; the SDK types it as an object. */
type Row = {
  conversationId?: string;
  participantData?: { participantPurpose?: string; participantAttributes?: Record<string, string> }[];
};

function claimOf({ conversationId, participantData = [] }: Row): Claim[] {
  const guestId = participantData
    .filter(({ participantPurpose }) => isGuest(participantPurpose))
    .map(({ participantAttributes }) => participantAttributes?.['guestSessionId'])
    .find((name) => name !== undefined);
  return conversationId === undefined || guestId === undefined ? [] : [{ conversationId, guestId }];
}

/** Analytics call somebody from outside who is known as a contact `external`. */
const isGuest = (purpose: string | undefined): boolean => purpose === 'customer' || purpose === 'external';
