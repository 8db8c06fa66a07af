import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ConsentSource } from 'genesys-guest-manager';
import type { Asking } from 'genesys-guest-manager';
import type { Consent } from 'genesys-guest-manager/client';

/** The name under which the shop hashes e-mail addresses itself. */
export const SCHEME = 'shop-sha256';

export const shopHash = (email: string): string =>
  createHash('sha256').update(email.trim().toLowerCase()).digest('hex');

/** Where the shop keeps what its customers have agreed to. What stands here counts, whatever a page says. */
@Injectable()
export class PreferenceCentre extends ConsentSource {
  private readonly decisions = new Map<string, Consent>();

  decided(email: string, consent: Consent): void {
    this.decisions.set(shopHash(email), consent);
  }

  consentOf({ identity, declared }: Asking): Consent {
    const known = identity.keyId === SCHEME && identity.emailHash !== null;
    return (known ? this.decisions.get(identity.emailHash) : undefined) ?? { ...declared, marketing: false };
  }
}
