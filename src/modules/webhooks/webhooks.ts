/**
 * What an endpoint can listen to. Thin (Standard Webhooks 1.0.0): an event says that something happened and to whom, and whoever wants to
 * know more reads the API, which knows the caller's scopes and the guest's consent of that moment.
 */
export const EVENT_TYPES = [
  ...(['guest.created', 'guest.updated', 'guest.linked'] as const),
  ...(['guest.message', 'guest.closed', 'guest.erased'] as const),
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Why nothing is sent to an endpoint: somebody asked for that, it answered 410, or it has done nothing but fail for `FAILING_LIMIT_MS`. */
export const DISABLED_REASONS = ['requested', 'gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** A customer's address that is told what happens. */
export type Endpoint = {
  readonly id: string;
  readonly url: string;
  readonly events: readonly EventType[];
  readonly description: string | null;
  /** Null while it is enabled. */
  readonly disabled: { readonly reason: DisabledReason; readonly at: Date } | null;
  /** When the attempts that have failed ever since began to fail; null when the last one succeeded. */
  readonly failingSince: Date | null;
  /** `whsec_…`, sealed for `SECRET_SUBJECT` and `secretPlace(id)`. */
  readonly sealedSecret: string;
  /** The secret before the last rotation, which signs as well until then. */
  readonly previousSecret: { readonly sealed: string; readonly until: Date } | null;
  readonly createdDate: Date;
  readonly modifiedDate: Date;
};

/** Whose key seals the secrets, and whose chain holds what was done to endpoints. */
export const SECRET_SUBJECT = 'system:webhooks';
export const secretPlace = (endpointId: string): string => `webhook.secret/${endpointId}`;

/** Something that happened. `data` holds ids, versions, states and names: nothing personal, no hash and no text. */
export type WebhookEvent = {
  readonly type: EventType;
  /** Whom it is about: `guest:<id>`. */
  readonly subject: string;
  readonly at: Date;
  readonly data: Readonly<Record<string, unknown>>;
};

/** `withdrawn`: its subject withdrew consent before it was sent. */
export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed', 'withdrawn'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One event for one endpoint. Its id is the `webhook-id`: the same over all attempts and replays, so that receivers can tell. */
export type Delivery = {
  readonly id: string;
  readonly endpointId: string;
  readonly subject: string;
  readonly type: EventType;
  readonly status: DeliveryStatus;
  /** All there were, replays included. */
  readonly attempts: number;
  /** Null when there will be none. */
  readonly nextAttemptDate: Date | null;
  /** The last attempt: when, and what was answered, or why nothing was (`webhook.silent`); answers themselves are not kept. */
  readonly lastAttempt: { readonly at: Date; readonly status: number | null; readonly code: string | null } | null;
  readonly createdDate: Date;
};

/** A delivery in the hands of whoever is to make the next attempt. */
export type ClaimedDelivery = {
  readonly id: string;
  readonly endpointId: string;
  readonly type: EventType;
  /** The exact text to send, the same in every attempt. */
  readonly body: string;
  /** Counts this attempt, and tells it from those of others. */
  readonly attempt: number;
  /** How many have failed since it was made or replayed: the place in the schedule. */
  readonly failures: number;
};

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** How many endpoints there can be: each costs a row for every event it listens to. */
export const MOST_ENDPOINTS = 50;
/** How long the secret before a rotation goes on signing. */
export const ROTATION_MS = DAY_MS;
/** How long nothing but failures is borne. Longer than the schedule, so that every delivery under way when it began to fail has had its attempts. */
const FAILING_LIMIT_MS = 5 * DAY_MS;
/** For how many days the log shows a delivery. */
export const DELIVERY_LOG_DAYS = 30;

/** The waits between attempts that Standard Webhooks 1.0.0 gives as its example; the first attempt is made at once. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  DAY_MS,
];

/** When to try again after the `failures`th failure, up to a fifth later than the schedule says so that many do not come back together; null when that was the last attempt. */
export function retryAt(failures: number, at: Date, random: () => number = Math.random): Date | null {
  const delay = RETRY_DELAYS_MS[failures - 1];
  return delay === undefined ? null : new Date(at.getTime() + Math.round(delay * (1 + random() / 5)));
}

/** What an attempt came to: the status that was answered, or why there was none. */
export type Answer =
  { readonly status: number; readonly code: null } | { readonly status: null; readonly code: string };

export const succeeded = ({ status }: Answer): boolean => status !== null && status >= 200 && status <= 299;

/** What an attempt makes of its endpoint: null when it stays enabled. */
export function disabledBy(answer: Answer, failingSince: Date | null, at: Date): DisabledReason | null {
  if (succeeded(answer)) return null;
  if (answer.status === 410) return 'gone';
  return failingSince !== null && at.getTime() - failingSince.getTime() >= FAILING_LIMIT_MS ? 'failing' : null;
}

/** What goes over the wire (Standard Webhooks 1.0.0, "Payload structure"). */
export const bodyOf = ({ type, at, data }: WebhookEvent): string =>
  JSON.stringify({ type, timestamp: at.toISOString(), data });
