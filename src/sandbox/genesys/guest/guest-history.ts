import type { FastifyInstance } from 'fastify';
import { Refusal } from '../../refusal.js';
import type { GuestSessions } from './guest-sessions.js';
import type { GuestTickets } from './guest-tickets.js';
import { bearer } from '../platform/oauth.js';

type Paging = { Querystring: { pageSize?: string; pageNumber?: string } };

/** `GET /api/v2/webmessaging/messages`: what was said in a guest's session, newest first. It takes the guest's ticket, not an access token. */
export function guestHistoryRoutes(app: FastifyInstance, sessions: GuestSessions, tickets: GuestTickets): void {
  app.get<Paging>('/api/v2/webmessaging/messages', async ({ headers, query }) => {
    const number = tickets.read(bearer(headers.authorization) ?? '');
    if (number === null) throw new Refusal(401, 'bad.credentials', 'Invalid login credentials.');
    const session = sessions.byNumber(number);
    if (session === undefined) throw new Refusal(404, 'not.found', 'The session was not found.');
    const waitMs = session.historyRate.take();
    if (waitMs > 0) throw tooOften(Math.ceil(waitMs / 1000));

    const pageSize = whole('pageSize', query.pageSize, 25, 500);
    const pageNumber = whole('pageNumber', query.pageNumber, 1, Number.MAX_SAFE_INTEGER);
    const messages = session.history();
    const entities = messages.slice((pageNumber - 1) * pageSize, pageNumber * pageSize);
    return { entities, pageSize, pageNumber, total: messages.length, pageCount: Math.ceil(messages.length / pageSize) };
  });
}

function whole(name: string, given: string | undefined, otherwise: number, most: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new Refusal(400, 'bad.request', `${name} must be a whole number from 1 to ${most}.`);
  return value;
}

function tooOften(seconds: number): Refusal {
  const message = `Rate limit exceeded the maximum. Retry the request in [${seconds}] seconds`;
  const limit = { key: 'get.history.rate.per.minute', namespace: 'web.messaging' };
  return new Refusal(429, 'too.many.requests.retry.after', message, { limit }, { 'Retry-After': String(seconds) });
}
