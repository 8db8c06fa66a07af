import { Vault } from '../../kernel/vault.js';
import { decrypt, encrypt } from './sealing.js';
import type { SubjectKeys } from './subject-keys.js';

/**
 * A sealed text is this, and base64url of nonce ‖ ciphertext ‖ tag. No regular expression looks at the rest: of files it has millions of letters, and an
 * engine that has compiled many expressions compiles further ones so that they run out of stack over that (V8, `TooMuchRegExpCode`).
 */
const VERSION = 'v1.';

export class PostgresVault extends Vault {
  constructor(private readonly keys: SubjectKeys) {
    super();
  }

  async seal(subject: string, place: string, plaintext: string): Promise<string> {
    const key = await this.keys.findOrMake(subject);
    return `${VERSION}${encrypt(key, bound(subject, place), Buffer.from(plaintext)).toString('base64url')}`;
  }

  async open(subject: string, place: string, sealed: string): Promise<string | null> {
    const key = await this.keys.find(subject);
    if (key === 'destroyed') return null;
    if (key === null || !sealed.startsWith(VERSION)) throw new Error('not sealed for this subject and place');
    const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
    return decrypt(key, bound(subject, place), bytes).toString();
  }

  holding(subjects: readonly string[]): Promise<string[]> {
    return this.keys.holding(subjects);
  }

  destroy(subject: string): Promise<void> {
    return this.keys.destroy(subject);
  }
}

const bound = (subject: string, place: string): string => `${subject}\n${place}`;
