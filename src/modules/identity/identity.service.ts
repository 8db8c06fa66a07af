import { AppError } from '../../kernel/app-error.js';
import type { FieldError } from '../../kernel/app-error.js';
import { identity, matchKey, normaliseEmail, SALTED_SCHEME, saltedHash } from './identity.js';
import type { Identity, IdentityKey } from './identity.js';
import { personalDataError } from './personal-data.js';
import { normalisePhone } from './phone.js';

/** Who somebody says they are, in plaintext or hashed by the caller. The plaintext goes no further than here. */
export type Claim = {
  readonly email?: string;
  readonly phone?: string;
  readonly deviceFingerprint?: string;
  readonly identityAttributes?: {
    readonly emailHash?: string;
    readonly phoneHash?: string;
    readonly deviceFingerprint?: string;
    /** What made the hashes; they match only others of the same scheme. */
    readonly scheme?: string;
  };
};

export type IdentitySettings = {
  /** Newest first: the first hashes. */
  readonly keys: readonly IdentityKey[];
  /** Switches the scheme `sha256-salted` on, for deployments that hold such hashes. */
  readonly salt: string | null;
};

/** Hashes by a caller who names no scheme can only be compared with each other. */
const UNDECLARED_SCHEME = 'undeclared';

/** Recognises the same person by keyed hashes instead of plaintext. */
export class IdentityService {
  constructor(private readonly settings: IdentitySettings) {}

  /**
   * Turns what was claimed into match keys under the newest key of the ring. Plaintext is hashed here, hashes are taken as they are.
   * @throws AppError `identity.invalid`, naming every field that is wrong and no value
   */
  identify(claim: Claim): Identity {
    const given = claim.identityAttributes ?? {};
    const errors: FieldError[] = [];
    const email = claim.email === undefined ? null : normaliseEmail(claim.email);
    const phone = claim.phone === undefined ? null : normalisePhone(claim.phone);
    if (claim.email !== undefined && email === null)
      errors.push({ pointer: '/email', rule: 'email', message: 'must be an e-mail address, such as name@example.com' });
    if (claim.phone !== undefined && phone === null)
      errors.push({
        pointer: '/phone',
        rule: 'e164',
        message: 'must be a phone number with its country code, such as +353 1 234 5678',
      });
    const plain = claim.email !== undefined || claim.phone !== undefined;
    for (const name of ['emailHash', 'phoneHash'] as const)
      if (plain && given[name] !== undefined)
        errors.push({
          pointer: `/identityAttributes/${name}`,
          rule: 'exclusive',
          message: 'send either plaintext to be hashed here or hashes of your own, not both',
        });
    if (given.scheme !== undefined && this.isOurs(given.scheme))
      errors.push({
        pointer: '/identityAttributes/scheme',
        rule: 'reserved',
        message: 'names hashes that are made here; give your own a name of their own',
      });
    const free = {
      '/deviceFingerprint': claim.deviceFingerprint,
      '/identityAttributes/deviceFingerprint': given.deviceFingerprint,
      '/identityAttributes/scheme': given.scheme,
    };
    for (const [pointer, text] of Object.entries(free)) {
      const error = text === undefined ? null : personalDataError(pointer, text);
      if (error) errors.push(error);
    }
    if (errors.length > 0)
      throw new AppError('invalid', 'identity.invalid', 'The identifiers cannot be used.', { errors });

    const deviceFingerprint = claim.deviceFingerprint ?? given.deviceFingerprint ?? null;
    if (!plain) return identity({ ...given, deviceFingerprint }, given.scheme ?? UNDECLARED_SCHEME);
    if (this.settings.salt !== null) {
      // Holders of such hashes made them from what people typed: normalising further would match none of them.
      const salted = (raw: string | undefined): string | null =>
        raw === undefined ? null : saltedHash(raw, this.settings.salt!);
      return identity(
        { emailHash: salted(claim.email), phoneHash: salted(claim.phone), deviceFingerprint },
        SALTED_SCHEME,
      );
    }
    const key = this.settings.keys[0]!;
    return identity(
      {
        emailHash: email === null ? null : matchKey('email', email, key),
        phoneHash: phone === null ? null : matchKey('phone', phone, key),
        deviceFingerprint,
      },
      key.id,
    );
  }

  /** A caller's hashes under one of our names could not be told from ours, and would match whomever the caller likes. */
  private isOurs(scheme: string): boolean {
    const { keys, salt } = this.settings;
    return keys.some(({ id }) => id === scheme) || (scheme === SALTED_SCHEME && salt === null);
  }
}
