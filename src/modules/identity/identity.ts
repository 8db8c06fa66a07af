import { createHash, createHmac } from 'node:crypto';

/** A secret of the key ring. The first of the ring hashes; all of them may be asked when looking for somebody. */
export type IdentityKey = { readonly id: string; readonly secret: Buffer };

type IdentifierKind = 'email' | 'phone';

/**
 * What is known about who a guest is, without saying who. Hashes are lower-case hex of 32 bytes.
 * `keyId` names what made them: a key of our ring, or the scheme a caller declared for hashes of its own; two hashes are
 * only comparable when their `keyId` is the same.
 */
export type Identity = {
  readonly emailHash: string | null;
  readonly phoneHash: string | null;
  readonly deviceFingerprint: string | null;
  readonly primaryIdentifier: string | null;
  readonly resolutionMethod: 'email' | 'phone' | 'unknown';
  readonly keyId: string | null;
};

/** Trimmed and lower-cased, Unicode in composed form; null when it is no e-mail address. Dots and `+suffix` are kept. */
export function normaliseEmail(raw: string): string | null {
  const email = raw.normalize('NFC').trim().toLowerCase();
  return email.length <= 254 &&
    /^[^\s@<>()",;:\\[\]]{1,64}@[^\s@.<>()",;:\\[\]]+(\.[^\s@.<>()",;:\\[\]]+)+$/u.test(email)
    ? email
    : null;
}

/**
 * The match key: `HMAC-SHA-256(secret, kind ‖ 0x00 ‖ canonical form)`. Keyed, because the plain hash of an e-mail or a phone number can
 * be found by trying them all; separated by kind, so that the same text as e-mail and as phone never matches.
 */
export const matchKey = (kind: IdentifierKind, canonical: string, key: IdentityKey): string =>
  createHmac('sha256', key.secret).update(`${kind}\0${canonical}`).digest('hex');

/**
 * The scheme `sha256-salted`: `SHA-256(lower-case(trim(value)) ‖ salt)`, for deployments that hold such hashes already. Phones are
 * not normalised in it. Weaker than a match key in every respect; only used when `IDENTITY_SALT` is set.
 */
export const saltedHash = (value: string, salt: string): string =>
  createHash('sha256')
    .update(value.trim().toLowerCase() + salt)
    .digest('hex');

export const SALTED_SCHEME = 'sha256-salted';

type Hashes = {
  readonly emailHash?: string | null;
  readonly phoneHash?: string | null;
  readonly deviceFingerprint?: string | null;
};

/** The stronger identifier speaks for the guest: e-mail before phone. A device is nobody's identity: it tells machines apart, not people. */
export function identity(hashes: Hashes, keyId: string | null): Identity {
  const emailHash = hashes.emailHash?.toLowerCase() ?? null;
  const phoneHash = hashes.phoneHash?.toLowerCase() ?? null;
  const deviceFingerprint = hashes.deviceFingerprint ?? null;
  return {
    emailHash,
    phoneHash,
    deviceFingerprint,
    primaryIdentifier: emailHash ?? phoneHash,
    resolutionMethod: emailHash ? 'email' : phoneHash ? 'phone' : 'unknown',
    keyId: emailHash || phoneHash ? keyId : null,
  };
}
