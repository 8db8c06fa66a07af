import { createHmac, timingSafeEqual } from 'node:crypto';

const PREFIX = 'whsec_';

/** Whole seconds since 1970, as `webhook-timestamp` and the signature have it. */
export const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000);

/** A secret as Standard Webhooks writes it: `whsec_` and base64. */
export const secretOf = (random: Buffer): string => PREFIX + random.toString('base64');

/** What is wrong with a secret, as the rest of a sentence; null when it is one: 24 to 64 bytes, as the spec asks for. */
export function secretFault(secret: string): string | null {
  const base64 = secret.slice(PREFIX.length);
  const key = Buffer.from(base64, 'base64');
  if (!secret.startsWith(PREFIX) || key.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, ''))
    return `must be ${PREFIX} and base64`;
  return key.length < 24 || key.length > 64 ? 'must be 24 to 64 bytes long' : null;
}

/** `v1,` and the HMAC-SHA-256 of `id.timestamp.body` in base64 (Standard Webhooks 1.0.0, "Signature scheme"). */
export function signature(secret: string, id: string, timestamp: number, body: string | Buffer): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

/** How far the time of a signed request may be from ours, in seconds, either way: who repeats it later is not believed. */
export const TOLERANCE_SECONDS = 300;

export type SignedRequest = {
  readonly id: string;
  readonly timestamp: string;
  /** One or several, separated by blanks: whoever sends may be changing secrets. */
  readonly signatures: string;
  readonly body: Buffer;
};

/** Whether somebody who has one of these secrets signed exactly this, and not long ago. */
export function isSigned(request: SignedRequest, secrets: readonly string[], now: Date): boolean {
  const { id, timestamp, signatures, body } = request;
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(seconds(now) - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const given = signatures.split(' ').map((one) => Buffer.from(one));
  return secrets.some((secret) => {
    const expected = Buffer.from(signature(secret, id, Number(timestamp), body));
    return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
  });
}
