import type { FieldError } from '../../kernel/app-error.js';
import type { AuditedService, PlatformQuery, Way } from './ports/platform-audit.js';

/** How far back the realtime way sees. */
export const REALTIME_MS = 14 * 24 * 3_600_000;

/** `page` of a realtime query, or a cursor within the results of a query that takes its time. */
export type Position =
  | { readonly way: 'realtime'; readonly page: number }
  | { readonly way: 'query'; readonly id: string; readonly cursor: string };

/** The realtime way where it can answer: it has the same entries, at once. */
export const wayOf = ({ service, from }: PlatformQuery, realtime: readonly AuditedService[], now: Date): Way =>
  from.getTime() >= now.getTime() - REALTIME_MS && realtime.some(({ name }) => name === service) ? 'realtime' : 'query';

/** What of a query names nothing that is audited: which entities belong to which service only Genesys Cloud knows. */
export function queryFaults(query: PlatformQuery, services: readonly AuditedService[]): FieldError[] {
  const service = services.find(({ name }) => name === query.service);
  if (service === undefined)
    return [
      unknown(
        '/service',
        services.map(({ name }) => name),
      ),
    ];
  const { entities } = service;
  const entity = entities.find(({ name }) => name === query.entityType);
  if (query.entityType !== undefined && entity === undefined)
    return [
      unknown(
        '/entityType',
        entities.map(({ name }) => name),
      ),
    ];
  const actions = [...new Set((entity === undefined ? entities : [entity]).flatMap((each) => each.actions))];
  if (query.action !== undefined && !actions.includes(query.action)) return [unknown('/action', actions)];
  return query.from < query.until ? [] : [{ pointer: '/until', rule: 'after', message: 'must be later than from' }];
}

const unknown = (pointer: string, known: readonly string[]): FieldError => ({
  pointer,
  rule: 'isIn',
  message: `is not audited; what is: ${[...known].sort().join(', ')}`,
});

/** Opaque to callers. */
export const toCursor = (position: Position): string =>
  Buffer.from(JSON.stringify(position.way === 'realtime' ? [position.page] : [position.id, position.cursor])).toString(
    'base64url',
  );

/** Null when it is none of ours. */
export function fromCursor(text: string): Position | null {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  const [first, second] = value as unknown[];
  if (typeof first === 'number' && Number.isInteger(first) && first > 1 && first < 100_000)
    return { way: 'realtime', page: first };
  return typeof first === 'string' && QUERY_ID.test(first) && typeof second === 'string'
    ? { way: 'query', id: first, cursor: second }
    : null;
}

/** What Genesys Cloud names a query by. */
export const QUERY_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
