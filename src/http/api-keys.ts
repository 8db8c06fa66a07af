import { hash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../kernel/clock.js';
import type { ApiKeyUseStore } from './api-key-use.store.js';
import { Callers } from './callers.js';
import type { Caller } from './callers.js';
import { SCOPES } from './scopes.js';

/** Only the digest of a key is kept; the key itself is known to its bearer alone. */
export type ApiKey = {
  readonly name: string;
  /** SHA-256 of the key, 32 bytes. */
  readonly digest: Buffer;
  /** `*` is every scope. */
  readonly scopes: readonly string[];
};

const digestOf = (key: string): Buffer => hash('sha256', key, 'buffer');

/**
 * Callers known by an API key. Keys are high-entropy, so a plain SHA-256 is enough to keep them; comparing digests in constant
 * time, and all of them each time, tells a guesser neither how much of a key was right nor whose it was.
 */
export class ApiKeys extends Callers {
  /** Used since this was last kept. */
  private used = new Map<string, Date>();

  constructor(
    private readonly keys: readonly ApiKey[],
    private readonly uses: ApiKeyUseStore,
    private readonly clock: Clock,
  ) {
    super();
  }

  identify(token: string): Caller | null {
    const digest = digestOf(token);
    let found: ApiKey | null = null;
    for (const key of this.keys) if (timingSafeEqual(key.digest, digest)) found = key;
    if (found === null) return null;
    this.used.set(found.name, this.clock.now());
    return callerOf(found);
  }

  /** Every key, in the order of the configuration, and when it was used last, to the minute where that was another process; null when never. */
  async list(): Promise<(Pick<ApiKey, 'name' | 'scopes'> & { readonly lastUsedAt: Date | null })[]> {
    const kept = await this.uses.all();
    const lastUsedAt = (name: string): Date | null => this.used.get(name) ?? kept.get(name) ?? null;
    return this.keys.map(({ name, scopes }) => ({ name, scopes, lastUsedAt: lastUsedAt(name) }));
  }

  async saveUses(): Promise<void> {
    const used = this.used;
    this.used = new Map();
    try {
      await this.uses.save(used);
    } catch (error) {
      // Kept the next time; what was used meanwhile is later.
      this.used = new Map([...used, ...this.used]);
      throw error;
    }
  }
}

const callerOf = ({ name, scopes }: ApiKey): Caller => {
  const held = new Set(scopes);
  return { actor: `api-key:${name}`, may: (scope) => held.has('*') || held.has(scope) };
};

/** Shorter keys can be guessed. */
const SHORTEST_API_KEY = 24;

export type ReadApiKeys = { readonly keys: readonly ApiKey[]; readonly fault: string | null };

/**
 * `name:key:scope+scope`, separated by commas; `*` is every scope; `sha256:<hex>` may stand in place of the key. The fault names
 * the entry by its place, because anything else in it may be the key.
 */
export function readApiKeys(text: string): ReadApiKeys {
  const keys: ApiKey[] = [];
  for (const [at, entry] of text.split(',').entries()) {
    const read = readApiKey(entry.trim(), keys);
    if (typeof read === 'string') return { keys: [], fault: `entry ${at + 1} ${read}` };
    keys.push(read);
  }
  return { keys, fault: null };
}

/** The key read, or what is wrong with its entry. */
function readApiKey(entry: string, before: readonly ApiKey[]): ApiKey | string {
  const [name, rest] = cut(entry);
  const isDigest = rest.startsWith('sha256:');
  // Scopes hold colons themselves, so only the first ones separate.
  const [secret, scopes] = cut(isDigest ? rest.slice('sha256:'.length) : rest);
  const named = scopes.split('+');
  if (secret === '' || scopes === '') return 'must have the form name:key:scope+scope';
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) return 'must have a name of 1 to 32 letters, digits, _ or -';
  if (before.some((other) => other.name === name)) return 'has the name of an entry before it';
  if (isDigest && !/^[0-9a-f]{64}$/i.test(secret)) return 'must have 64 hex digits after sha256:';
  if (!isDigest && secret.length < SHORTEST_API_KEY) return `has a key shorter than ${SHORTEST_API_KEY} characters`;
  if (!isDigest && !TOKEN.test(secret)) return 'has a key that cannot be sent as a bearer token';
  if (!named.every(isScope)) return `names a scope that does not exist; there are ${SCOPES.join(', ')} and *`;
  return { name, digest: isDigest ? Buffer.from(secret, 'hex') : digestOf(secret), scopes: named };
}

/** RFC 6750's b64token: what fits into the Authorization header as it is. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

const isScope = (name: string): boolean => name === '*' || (SCOPES as readonly string[]).includes(name);

const cut = (text: string): [string, string] => {
  const at = text.indexOf(':');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
};
