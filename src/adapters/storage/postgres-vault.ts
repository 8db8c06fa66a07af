import { Vault } from '../../kernel/vault.js';
import { decrypt, encrypt } from './sealing.js';
import type { SubjectKeys } from './subject-keys.js';

/** What a sealed text looks like: a version, and base64url of nonce ‖ ciphertext ‖ tag. */
const SEALED = /^v1\.([A-Za-z0-9_-]+)$/;

export class PostgresVault extends Vault {
  constructor(private readonly keys: SubjectKeys) {
    super();
  }

  async seal(subject: string, place: string, plaintext: string): Promise<string> {
    const key = await this.keys.findOrMake(subject);
    return `v1.${encrypt(key, bound(subject, place), Buffer.from(plaintext)).toString('base64url')}`;
  }

  async open(subject: string, place: string, sealed: string): Promise<string | null> {
    const key = await this.keys.find(subject);
    if (key === 'destroyed') return null;
    const bytes = SEALED.exec(sealed)?.[1];
    if (key === null || bytes === undefined) throw new Error('not sealed for this subject and place');
    return decrypt(key, bound(subject, place), Buffer.from(bytes, 'base64url')).toString();
  }

  holding(subjects: readonly string[]): Promise<string[]> {
    return this.keys.holding(subjects);
  }

  destroy(subject: string): Promise<void> {
    return this.keys.destroy(subject);
  }
}

const bound = (subject: string, place: string): string => `${subject}\n${place}`;
