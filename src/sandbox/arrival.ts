import type { FastifyRequest } from 'fastify';
import type { Effect } from './fault.js';
import type { ReceivedRequest } from './requests.js';

/** What the edge knows of a request: whom it is for, how it was written down, and what goes wrong with it. */
export type Arrival = {
  /** `genesys`, `crm/<name>`, or null for the sandbox's own controls, which are neither recorded nor faulted. */
  readonly target: string | null;
  readonly operation: string | null;
  /** The same for every log line and answer of this request. */
  readonly correlationId: string;
  readonly received: ReceivedRequest | null;
  effect: Effect | null;
};

const arrivals = new WeakMap<FastifyRequest, Arrival>();

/** Remembers the arrival for as long as the request lives. */
export function setArrival(request: FastifyRequest, arrival: Arrival): void {
  arrivals.set(request, arrival);
}

/** The arrival of a request, or undefined before the first hook. */
export function findArrival(request: FastifyRequest): Arrival | undefined {
  return arrivals.get(request);
}

/** The arrival of a request; it has one from the first hook on. */
export function arrivalOf(request: FastifyRequest): Arrival {
  const arrival = arrivals.get(request);
  if (arrival === undefined) throw new Error('the request did not come through the edge');
  return arrival;
}

/** Whether it is Genesys Cloud that answers, its contacts included. */
export const isGenesys = (target: string | null): boolean => target === 'genesys' || target === 'crm/genesys-contacts';

/** Whom a path is for. What nobody claims belongs to Genesys, whose API answers unknown paths too. */
export function targetOf(path: string): string | null {
  if (path === '/sandbox' || path.startsWith('/sandbox/') || path.startsWith('/sandbox?')) return null;
  // Putting a conversation with a contact is no matter of whoever keeps contacts in step.
  if (/^\/api\/v2\/externalcontacts\/(?!conversations\/|identifierlookup\/)/.test(path)) return 'crm/genesys-contacts';
  const crm = /^\/crm\/([^/?]+)/.exec(path)?.[1];
  return crm === undefined ? 'genesys' : `crm/${crm}`;
}

/** The name a fault may use for an HTTP call instead of its path. */
export function operationOf(target: string | null, method: string, path: string): string | null {
  if (target === 'crm/salesforce' && path.endsWith('/services/oauth2/token')) return 'login';
  if (target?.startsWith('crm/')) return method === 'GET' || method === 'HEAD' ? null : 'upsert';
  return target === 'genesys' && /^\/oauth\/token\/?(\?|$)/.test(path) ? 'login' : null;
}
