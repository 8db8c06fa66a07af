import { createHash } from 'node:crypto';
import { randomBytes } from '../../kernel/random.js';
import type { GuestState } from './guest.js';

/** Seconds a widget token may live, and lives unless told otherwise. */
export const WIDGET_TOKEN_SECONDS = { min: 60, max: 3_600, default: 900 } as const;

/** What is kept of a widget token: never the token itself. */
export type WidgetToken = {
  readonly id: string;
  /** SHA-256 of the token, lower-case hex. The token has 256 random bits, so a plain hash gives nothing away. */
  readonly digest: string;
  readonly guestId: string;
  /** The pages that may use it, as browsers write them in `Origin` (RFC 6454 §6.2). */
  readonly origins: readonly string[];
  readonly expiresAt: Date;
};

const FORM = /^wt_[A-Za-z0-9_-]{43}$/;

export const newWidgetToken = (): string => `wt_${randomBytes(32).toString('base64url')}`;

/** Null when the text cannot be a widget token, so that nobody need be asked about it. */
export const widgetTokenDigest = (token: string): string | null =>
  FORM.test(token) ? createHash('sha256').update(token).digest('hex') : null;

/** A page has nothing more to do for a guest who is being closed. */
export const takesWidgets = (state: GuestState): boolean =>
  ['created', 'configured', 'active', 'disconnected'].includes(state);
