import { isObject, type JsonObject } from './json.js';
import { Refusal } from './refusal.js';

/** What goes wrong. Everything may be combined that makes sense together. */
export type Effect = {
  /** Answer this status instead of doing the work; at the WebSocket, refuse the handshake with it. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly delayMs?: number;
  /** Cut the connection before anything is done; at the WebSocket, cut as many open sockets as `times` says, now. */
  readonly drop?: true;
  /** The close code a dropped WebSocket is told; without it the connection just breaks (1006). */
  readonly closeCode?: number;
  /** Do the work, then cut the connection; at the WebSocket, take the message and never echo it. */
  readonly dropAfterAccepting?: true;
  /** A CRM refuses the records that hold all of these fields, at any depth. */
  readonly refuseRecords?: JsonObject;
  /** …and with them the whole batch, without saying which they were. */
  readonly wholeBatch?: true;
  /** A CRM finds a call with more records than this too large (413). */
  readonly mostRecords?: number;
  /** Do the work at once, and answer so many milliseconds later. */
  readonly lateAnswerMs?: number;
  /** Do the work, then answer with the first half of what was to be said. */
  readonly halfAnswer?: true;
  /** The calls of the day are used up, in the CRM's own way of saying so. */
  readonly quota?: true;
  /** Salesforce: another transaction holds every second row. */
  readonly lockRecords?: true;
  /** Handle the request twice; at the WebSocket, send frames twice. */
  readonly duplicate?: true;
  /** Lists come in another order; at the WebSocket, frames do. */
  readonly shuffle?: true;
  /** The access token ends (401); at the WebSocket, the guest's session does (4006). */
  readonly expireToken?: true;
  /** How long after a message its details stay unknown (404). */
  readonly lookupDelayMs?: number;
  /** The OAuth client lacks the permission (403). */
  readonly permission?: false;
  /** Topics are refused for want of a permission, each by itself. */
  readonly rejectTopics?: true;
  /** Notification sockets are told that they will be closed, and are: after `delayMs`, or a minute. */
  readonly announceClose?: true;
  /** Notification sockets stay open and say nothing any more, not even that they live. */
  readonly silence?: true;
  /** Happens only with this probability. */
  readonly random?: number;
  /** With `random`: strikes and spares the same calls each time, counted from the first that fits. */
  readonly seed?: number;
};

/** A fault as it is ordered. */
export type FaultOrder = {
  readonly target: string;
  readonly match: string;
  readonly effect: Effect;
  readonly times: number;
};

/** When in the life of a call a fault strikes. Each moment asks only for the faults that belong to it. */
export type Moment = 'arrival' | 'records' | 'lookup' | 'sockets' | 'handshake' | 'frame' | 'delivery' | 'event';

type Check = readonly [holds: (value: unknown) => boolean, needed: string];
const yes: Check = [(value) => typeof value === 'boolean', 'true or false'];
const milliseconds: Check = [(value) => isWhole(value, 0, 3_600_000), 'whole milliseconds, up to an hour'];

const checks: Readonly<Record<keyof Effect, Check>> = {
  status: [(value) => isWhole(value, 200, 599), 'an HTTP status from 200 to 599'],
  headers: [(value) => isHeaders(value), 'an object of texts'],
  body: [() => true, 'anything'],
  delayMs: milliseconds,
  drop: yes,
  closeCode: [
    (value) => isWhole(value, 1000, 4999) && value !== 1005 && value !== 1006,
    'a close code that can be sent',
  ],
  dropAfterAccepting: yes,
  refuseRecords: [(value) => isObject(value) && Object.keys(value).length > 0, 'an object with at least one field'],
  wholeBatch: yes,
  mostRecords: [(value) => isWhole(value, 1, 1_000_000), 'a whole number of at least 1'],
  lateAnswerMs: milliseconds,
  halfAnswer: yes,
  quota: yes,
  lockRecords: yes,
  duplicate: yes,
  shuffle: yes,
  expireToken: yes,
  lookupDelayMs: milliseconds,
  permission: yes,
  rejectTopics: yes,
  announceClose: yes,
  silence: yes,
  random: [(value) => typeof value === 'number' && value > 0 && value <= 1, 'a probability above 0, at most 1'],
  seed: [(value) => isWhole(value, 0, 0xffff_ffff), 'a whole number from 0 to 4294967295'],
};

/** Effects that say how or how often something happens, and not what. */
const ADVERBS = new Set(['random', 'seed', 'wholeBatch', 'closeCode']);
/** Effects that wait until a CRM has read the records of a call. */
const OF_RECORDS = new Set(['refuseRecords', 'wholeBatch', 'mostRecords']);

/** Every effect there is, by name. */
export const effectNames: readonly string[] = Object.keys(checks);

/** Reads an order strictly, so that a mistyped fault cannot pass for one that never strikes. */
export function parseFault(body: unknown, targets: readonly string[]): FaultOrder {
  if (!isObject(body)) throw invalid('a fault is an object: { target, match, effect, times }');
  const unknown = Object.keys(body).filter((key) => !['target', 'match', 'effect', 'times'].includes(key));
  if (unknown.length > 0) throw invalid(`a fault has no field ${unknown.join(', ')}`);
  const { target, match, times = 1 } = body;
  if (typeof target !== 'string' || !targets.includes(target))
    throw invalid(`target must be one of: ${targets.join(', ')}`);
  if (typeof match !== 'string' || match === '')
    throw invalid('match must be upsert, websocket, notifications, login or part of a path');
  if (!isWhole(times, 1, 1_000_000_000)) throw invalid('times must be a whole number of at least 1');
  const order = { target, match, effect: parseEffect(body['effect']), times: Number(times) };
  checkSense(order);
  return order;
}

function parseEffect(value: unknown): Effect {
  if (!isObject(value)) throw invalid('effect must be an object');
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(checks, name)) throw invalid(`there is no effect ${name}; known are: ${effectNames.join(', ')}`);
    const [holds, needed] = checks[name as keyof Effect];
    if (!holds(given)) throw invalid(`effect.${name} must be ${needed}`);
  }
  // A switch that is off is the same as one that is not there; `permission` is the one that is thrown by being false.
  const thrown = Object.entries(value).filter(([name, given]) => name === 'body' || given !== (name === 'permission'));
  const effect = Object.fromEntries(thrown.filter(([name, given]) => name !== 'body' || given !== undefined)) as Effect;
  const dormant = Object.keys(effect).every((name) => ADVERBS.has(name));
  if (dormant) throw invalid('effect must say what happens');
  return effect;
}

function checkSense({ target, match, effect }: FaultOrder): void {
  const genesys = target === 'genesys';
  if (effect.wholeBatch && !effect.refuseRecords) throw invalid('effect.wholeBatch goes with refuseRecords');
  if (effect.seed !== undefined && effect.random === undefined) throw invalid('effect.seed goes with random');
  if (effect.mostRecords !== undefined && genesys) throw invalid('effect.mostRecords needs a CRM as its target');
  if (effect.refuseRecords && genesys) throw invalid('effect.refuseRecords needs a CRM as its target');
  if ((effect.lookupDelayMs !== undefined || effect.permission === false) && !genesys)
    throw invalid('lookupDelayMs and permission need the target genesys');
  if (effect.expireToken && !genesys && target !== 'crm/salesforce' && target !== 'crm/genesys-contacts')
    throw invalid('effect.expireToken needs a target with access tokens');
  if (effect.quota && genesys) throw invalid('effect.quota needs a CRM as its target');
  if (effect.lockRecords && target !== 'crm/salesforce')
    throw invalid('effect.lockRecords needs the target crm/salesforce');
  const isSocket = match === 'websocket' || match === 'notifications';
  if (isSocket && effect.lateAnswerMs !== undefined) throw invalid('effect.lateAnswerMs needs HTTP calls as its match');
  if (isSocket && !genesys) throw invalid(`only genesys has a ${match}`);
  if (match === 'websocket' && effect.lookupDelayMs !== undefined)
    throw invalid('effect.lookupDelayMs needs a part of the path of the message details as its match');
  if (effect.closeCode !== undefined && (!isSocket || !effect.drop))
    throw invalid('effect.closeCode goes with drop at the websocket');
  for (const name of ['announceClose', 'silence'] as const)
    if (effect[name] && match !== 'notifications') throw invalid(`effect.${name} needs notifications as its match`);
  if (effect.rejectTopics && (!genesys || isSocket))
    throw invalid('effect.rejectTopics needs a part of the path of the subscriptions as its match');
}

/** The moment a fault belongs to. */
export function momentOf({ match, effect }: FaultOrder): Moment {
  if (match === 'notifications') {
    if (effect.status !== undefined || effect.permission === false) return 'handshake';
    return effect.drop || effect.announceClose || effect.silence ? 'sockets' : 'event';
  }
  if (match === 'websocket') {
    if (effect.status !== undefined || effect.permission === false) return 'handshake';
    if (effect.duplicate || effect.shuffle) return 'delivery';
    const waits =
      effect.random !== undefined || effect.delayMs !== undefined || effect.dropAfterAccepting || effect.expireToken;
    return effect.drop && !waits ? 'sockets' : 'frame';
  }
  const names = Object.keys(effect).filter((name) => name !== 'random' && name !== 'seed');
  if (names.every((name) => OF_RECORDS.has(name))) return 'records';
  return names.every((name) => name === 'lookupDelayMs') ? 'lookup' : 'arrival';
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

function isHeaders(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((each) => typeof each === 'string' || typeof each === 'number');
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'fault.invalid', message);
}
