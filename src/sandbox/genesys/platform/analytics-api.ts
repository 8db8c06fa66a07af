import type { FastifyInstance } from 'fastify';
import { isObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import type { Conversation } from '../conversation.js';
import type { Conversations } from '../conversations.js';

/** Rows on one page of the attribute search. */
const SEARCH_PAGE = 50;
const DAY_MS = 24 * 3_600_000;

/** What is on record of conversations: details by id and by query, and the search for participant attributes. Nothing lags here. */
export function analyticsRoutes(app: FastifyInstance, conversations: Conversations): void {
  app.get<{ Querystring: { id?: string | string[] } }>('/analytics/conversations/details', async ({ query }) => {
    const ids = [query.id ?? []].flat().flatMap((id) => id.split(','));
    return { conversations: ids.flatMap((id) => conversations.find(id) ?? []).map(detailsView) };
  });

  app.post('/analytics/conversations/details/query', async ({ body }) => {
    const { interval, segmentFilters, conversationFilters, paging } = isObject(body) ? body : {};
    const [from, until] = intervalOf(interval);
    const found = conversations
      .list()
      .filter((conversation) => isWithinDays(conversation, from, until))
      .filter((conversation) => passes(segmentFilters, (dimension) => segmentValue(conversation, dimension)))
      .filter((conversation) => passes(conversationFilters, (dimension) => conversationValue(conversation, dimension)));
    const given = isObject(paging) ? paging : {};
    const [pageSize, pageNumber] = [Number(given['pageSize'] ?? 25), Number(given['pageNumber'] ?? 1)];
    const page = found.toReversed().slice((pageNumber - 1) * pageSize, pageNumber * pageSize);
    // An answer without matches has no list at all.
    return { ...(page.length === 0 ? {} : { conversations: page.map(detailsView) }), totalHits: found.length };
  });

  app.post('/conversations/participants/attributes/search', async ({ body }) => {
    const { query, cursor } = isObject(body) ? body : {};
    const [from, until] = startTimeOf(query);
    const found = conversations.list().filter(({ startTime }) => {
      const at = Date.parse(startTime);
      return at >= from && at <= until;
    });
    const first = Number(cursor ?? 0);
    const results = found.slice(first, first + SEARCH_PAGE).map(attributesView);
    const next = first + results.length;
    return { types: ['conversations'], results, ...(next < found.length ? { cursor: String(next) } : {}) };
  });
}

/** `AnalyticsConversationWithoutAttributes`. */
function detailsView(conversation: Conversation): object {
  const { id, startTime, endTime, externalTag, participants } = conversation;
  return {
    conversationId: id,
    conversationStart: startTime,
    ...(endTime === null ? {} : { conversationEnd: endTime }),
    ...(externalTag === null ? {} : { externalTag }),
    originatingDirection: 'inbound',
    participants: participants.map((participant) => ({
      participantId: participant.id,
      participantName: participant.name,
      purpose: participant.purpose,
      ...(participant.externalContactId === null ? {} : { externalContactId: participant.externalContactId }),
      sessions: [
        {
          sessionId: participant.communicationId,
          mediaType: 'message',
          messageType: 'webmessaging',
          ...(journeyCustomer(conversation) === undefined ? {} : { journeyCustomerId: journeyCustomer(conversation) }),
          segments: [
            {
              segmentStart: participant.startTime,
              ...(participant.endTime === null ? {} : { segmentEnd: participant.endTime }),
              segmentType: 'interact',
              ...(participant.disconnectType === null ? {} : { disconnectType: participant.disconnectType }),
            },
          ],
        },
      ],
    })),
  };
}

/** A row of the attribute search: the participants that carry data. */
function attributesView({ id, startTime, endTime, participants }: Conversation): object {
  return {
    conversationId: id,
    startTime,
    ...(endTime === null ? {} : { endTime }),
    divisionIds: [],
    participantData: participants
      .filter(({ attributes }) => Object.keys(attributes).length > 0)
      .map((participant) => ({
        participantPurpose: participant.purpose,
        participantAttributes: participant.attributes,
        participantId: participant.id,
        sessionIds: [participant.communicationId],
      })),
    truncatedData: false,
  };
}

const journeyCustomer = ({ customer }: Conversation): string | undefined => {
  const journey = customer.journeyContext?.['customer'];
  return isObject(journey) && typeof journey['id'] === 'string' ? journey['id'] : undefined;
};

function segmentValue(conversation: Conversation, dimension: unknown): string | null {
  if (dimension === 'journeyCustomerId') return journeyCustomer(conversation) ?? null;
  if (dimension === 'messageType') return 'webmessaging';
  if (dimension === 'mediaType') return 'message';
  throw new Refusal(400, 'bad.request', 'The sandbox knows no such segment dimension.');
}

function conversationValue({ id, externalTag, endTime }: Conversation, dimension: unknown): string | null {
  if (dimension === 'externalTag') return externalTag;
  if (dimension === 'conversationId') return id;
  if (dimension === 'conversationEnd') return endTime;
  throw new Refusal(400, 'bad.request', 'The sandbox knows no such conversation dimension.');
}

/** All filters have to be passed; each by all or any of its predicates. */
function passes(filters: unknown, valueOf: (dimension: unknown) => string | null): boolean {
  return (Array.isArray(filters) ? filters.filter(isObject) : []).every(({ type, predicates }) => {
    const passed = (Array.isArray(predicates) ? predicates.filter(isObject) : []).map((predicate) => {
      const value = valueOf(predicate['dimension']);
      if (predicate['operator'] === 'exists') return value !== null;
      if (predicate['operator'] === 'notExists') return value === null;
      return value === predicate['value'];
    });
    return type === 'or' ? passed.some(Boolean) : passed.every(Boolean);
  });
}

function intervalOf(interval: unknown): [from: number, until: number] {
  const [from = NaN, until = NaN] = typeof interval === 'string' ? interval.split('/').map((at) => Date.parse(at)) : [];
  if (!(from <= until)) throw new Refusal(400, 'bad.request', 'interval must be two ISO-8601 dates, separated by /.');
  return [from, until];
}

/** The interactive query has what began on a day that the interval touches (UTC). */
const isWithinDays = ({ startTime }: Conversation, from: number, until: number): boolean => {
  const day = Math.floor(Date.parse(startTime) / DAY_MS);
  return day >= Math.floor(from / DAY_MS) && day <= Math.floor(until / DAY_MS);
};

/** The search takes a range of start times, within a day, and nothing that looks at values. */
function startTimeOf(query: unknown): [from: number, until: number] {
  const criteria = Array.isArray(query) ? query.filter(isObject) : [];
  const range = criteria.find(({ type, fields }) => type === 'DATE_RANGE' && String(fields) === 'startTime');
  const from = Date.parse(String(range?.['startValue']));
  const until = Date.parse(String(range?.['endValue']));
  const isSupported = criteria.every(({ type }) => type === 'DATE_RANGE') && from <= until && until - from <= DAY_MS;
  if (!isSupported) throw new Refusal(400, 'bad.request', 'Search not supported.');
  return [from, until];
}
