import type { FastifyInstance } from 'fastify';
import { isObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import type { AuditTrail } from './audits-api.js';
import type { GdprRequests, Subject } from './gdpr-requests.js';

type Confirmed = { Querystring: { deleteConfirmed?: string } };
type Paging = { Querystring: { pageSize?: string; pageNumber?: string } };
type ById = { Params: { id: string } };

const PATH = '/gdpr/requests';
const KNOWN = ['GDPR_EXPORT', 'GDPR_UPDATE', 'GDPR_DELETE'];
/** As on other lists of the Platform API; of this one nothing is documented. */
const MOST_PER_PAGE = 100;

/** `/gdpr/requests`: data subjects are erased by their external contact. Nothing is exported and nothing replaced. */
export function gdprRoutes(app: FastifyInstance, requests: GdprRequests, trail: AuditTrail): void {
  app.post<Confirmed>(PATH, async ({ body, query }) => {
    const subject = readSubject(body);
    // Nobody erases by mistake.
    if (query.deleteConfirmed !== 'true')
      throw new Refusal(400, 'bad.request', 'deleteConfirmed must be true for a request of the type GDPR_DELETE.');
    const request = requests.begin(subject) as { id: string };
    const about = { serviceName: 'GDPR', entityType: 'GdprRequest', entityId: request.id };
    trail.record({ ...about, action: 'Create' });
    return request;
  });

  app.get<Paging>(PATH, async ({ query }) => {
    const pageSize = whole('pageSize', query.pageSize, 25, MOST_PER_PAGE);
    const pageNumber = whole('pageNumber', query.pageNumber, 1, Number.MAX_SAFE_INTEGER);
    const all = requests.list();
    const pageCount = Math.ceil(all.length / pageSize);
    const uri = (page: number): string => `/api/v2${PATH}?pageSize=${pageSize}&pageNumber=${page}`;
    return {
      entities: all.slice((pageNumber - 1) * pageSize, pageNumber * pageSize),
      ...{ pageSize, pageNumber, total: all.length, pageCount },
      ...{ firstUri: uri(1), lastUri: uri(Math.max(1, pageCount)), selfUri: uri(pageNumber) },
      ...(pageNumber < pageCount ? { nextUri: uri(pageNumber + 1) } : {}),
      ...(pageNumber > 1 ? { previousUri: uri(pageNumber - 1) } : {}),
    };
  });

  app.get<ById>(`${PATH}/:id`, async ({ params }) => {
    const request = requests.find(params.id);
    if (request === null)
      throw new Refusal(404, 'not.found', 'The requested GDPR request was not found.', { entityId: params.id });
    return request;
  });
}

function readSubject(body: unknown): Subject {
  const { requestType, subject } = isObject(body) ? body : {};
  if (typeof requestType !== 'string' || !KNOWN.includes(requestType))
    throw new Refusal(400, 'bad.request', `requestType must be one of ${KNOWN.join(', ')}.`);
  if (requestType !== 'GDPR_DELETE') throw new Refusal(400, 'bad.request', 'The sandbox only erases.');
  if (!isObject(subject) || Object.keys(subject).length === 0)
    throw new Refusal(400, 'bad.request', 'subject is required.');
  const { externalContactId } = subject;
  if (typeof externalContactId !== 'string' || Object.keys(subject).length > 1)
    throw new Refusal(400, 'bad.request', 'The sandbox finds a subject by its externalContactId alone.');
  return { externalContactId };
}

function whole(name: string, given: string | undefined, otherwise: number, most: number): number {
  const value = given === undefined ? otherwise : Number(given);
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw new Refusal(400, 'bad.request', `${name} must be a whole number from 1 to ${most}.`);
  return value;
}
