import type { Queries, Statement } from './statement.js';
import { decrypt, encrypt } from './sealing.js';

/** Wraps the keys of subjects. The newest of the ring wraps; all of them unwrap. */
export type DataKey = { readonly id: string; readonly secret: Buffer };

const KNOWN: Statement = {
  name: 'data_key.known',
  text: `select id, proof from data_key
    where id = any($1::text[]) or exists (select from subject_key where kid = data_key.id)`,
};
const INSERT: Statement = {
  name: 'data_key.insert',
  text: 'insert into data_key (id, proof) values ($1, $2) on conflict (id) do nothing',
};

const place = (id: string): string => `data key ${id}`;

/** The service's own keys, newest first. */
export class DataKeys {
  private readonly keys: ReadonlyMap<string, Buffer>;

  constructor(private readonly ring: readonly DataKey[]) {
    if (ring.length === 0) throw new Error('at least one data key is needed');
    for (const { id, secret } of ring)
      if (secret.length !== 32) throw new Error(`data key ${id} does not have 32 bytes`);
    this.keys = new Map(ring.map(({ id, secret }) => [id, secret]));
  }

  wrap(subject: string, key: Buffer): { readonly kid: string; readonly wrapped: string } {
    const { id, secret } = this.ring[0]!;
    return { kid: id, wrapped: encrypt(secret, subject, key).toString('base64') };
  }

  /** @throws Error when that data key is not given, or this is not what it wrapped for this subject */
  unwrap(subject: string, kid: string, wrapped: string): Buffer {
    const secret = this.keys.get(kid);
    if (secret === undefined) throw new Error(`the data key ${kid} is missing: what it protects cannot be read`);
    return decrypt(secret, subject, Buffer.from(wrapped, 'base64'));
  }

  /** @throws Error when a key that is needed to read what is stored is missing, or is not what it was */
  async prove(queries: Queries): Promise<void> {
    const { rows } = await queries.query<{ id: string; proof: string }>(KNOWN, [[...this.keys.keys()]]);
    for (const { id, proof } of rows) {
      if (!this.keys.has(id)) throw new Error(`DATA_KEYS lacks ${id}, which protects data that is stored here.`);
      try {
        this.unwrap(place(id), id, proof);
      } catch {
        throw new Error(`The key ${id} in DATA_KEYS is not the one that protects data that is stored here.`);
      }
    }
    const { kid, wrapped } = this.wrap(place(this.ring[0]!.id), Buffer.from('proof'));
    if (!rows.some((row) => row.id === kid)) await queries.query(INSERT, [kid, wrapped]);
  }
}
