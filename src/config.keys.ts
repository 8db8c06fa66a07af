import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, DEFAULT_DATA_DIR, modeOf } from './config.js';
import { withoutEmpty } from './config.environment.js';

const KEYS = ['API_KEYS', 'IDENTITY_KEYS', 'DATA_KEYS'] as const;
type Keys = Partial<Record<(typeof KEYS)[number], string>>;

/** A key that was made just now, and the file a person can read it in. */
export type MadeApiKey = { readonly apiKey: string; readonly file: string };

/**
 * The environment with the keys the sandbox needs and nobody gave. They are made once and kept in `DATA_DIR/keys.json`, because
 * what is encrypted under them has to be readable after the next start. Outside the sandbox, or with a database that others
 * share, the environment comes back as it is. `made` is told of an API key when it is new.
 */
export function withSandboxKeys(env: NodeJS.ProcessEnv, made: (key: MadeApiKey) => void = () => {}): NodeJS.ProcessEnv {
  const given = withoutEmpty(env);
  const absent = KEYS.filter((name) => given[name] === undefined);
  if (modeOf(given) !== 'sandbox' || given['DATABASE_URL'] || absent.length === 0) return env;
  const directory = given['DATA_DIR'] ?? DEFAULT_DATA_DIR;
  const file = join(directory, 'keys.json');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const kept = keep(file, absent);
  if (absent.includes('API_KEYS')) {
    const [, apiKey = ''] = kept.API_KEYS!.split(':');
    const readable = { apiKey, file: join(directory, 'api-key') };
    if (readText(readable.file)?.trim() !== apiKey) {
      replace(readable.file, `${apiKey}\n`);
      made(readable);
    }
  }
  return { ...env, ...Object.fromEntries(absent.map((name) => [name, kept[name]])) };
}

/** The same for a process that keeps nothing: made for it alone, and written nowhere. */
export function withPassingKeys(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = withoutEmpty(env);
  const absent = KEYS.filter((name) => given[name] === undefined);
  return modeOf(given) === 'sandbox' ? { ...env, ...newKeys(absent) } : env;
}

/** What is kept in the file, with what is absent from it made and added. */
function keep(file: string, absent: readonly (typeof KEYS)[number][]): Keys {
  const kept = readKept(file);
  if (kept && absent.every((name) => kept[name] !== undefined)) return kept;
  const complete = { ...newKeys(absent), ...kept };
  const text = `${JSON.stringify(complete, null, 2)}\n`;
  if (kept) {
    replace(file, text);
    return complete;
  }
  // Two processes may start at once; the one that comes second uses the keys of the first.
  return create(file, text) ? complete : keep(file, absent);
}

function newKeys(names: readonly (typeof KEYS)[number][]): Keys {
  const make = {
    API_KEYS: () => `sandbox:${randomBytes(32).toString('base64url')}:*`,
    IDENTITY_KEYS: () => `sandbox:${randomBytes(32).toString('base64')}`,
    DATA_KEYS: () => `sandbox:${randomBytes(32).toString('base64')}`,
  };
  return Object.fromEntries(names.map((name) => [name, make[name]()]));
}

function readKept(file: string): Keys | null {
  const text = readText(file);
  if (text === null) return null;
  try {
    const kept: unknown = JSON.parse(text);
    if (kept !== null && typeof kept === 'object' && Object.values(kept).every((value) => typeof value === 'string'))
      return kept;
  } catch {
    // Said below, without quoting the file.
  }
  // Making new keys would lose what is encrypted under the old ones.
  const rule = 'holds a keys.json that cannot be read: restore it, or remove the whole directory to start anew';
  throw new ConfigError([{ variable: 'DATA_DIR', rule }]);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** False, and nothing written, when the file is there already. */
function create(file: string, text: string): boolean {
  return viaTemporary(file, text, (temporary) => {
    try {
      // Unlike a rename, a link does not take the place of what is there.
      linkSync(temporary, file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
}

const replace = (file: string, text: string): void =>
  viaTemporary(file, text, (temporary) => renameSync(temporary, file));

/** Readable by us alone, and on the disk, before it has its name: there is no moment in which half a file can be read. */
function viaTemporary<T>(file: string, text: string, name: (temporary: string) => T): T {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(handle, text);
      chmodSync(temporary, 0o600);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    const result = name(temporary);
    syncDirectory(dirname(file));
    return result;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
