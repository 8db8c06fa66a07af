import { UUID } from '../../kernel/uuid.js';
import { ErasureStore } from '../../modules/guest/index.js';
import type { Erasure } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

const SELECT = `select id, guest_id as "guestId", requested_at as "requestedAt", erased_at as "erasedAt", places from erasure`;
const FIND: Statement = { name: 'erasure.find', text: `${SELECT} where id = $1` };
const LOCK: Statement = { name: 'erasure.lock', text: `${SELECT} where id = $1 for update` };
const OF_GUEST: Statement = { name: 'erasure.of_guest', text: `${SELECT} where guest_id = $1` };
const INSERT: Statement = {
  name: 'erasure.insert',
  text: 'insert into erasure (id, guest_id, requested_at, erased_at, places) values ($1, $2, $3, $4, $5)',
};
const UPDATE: Statement = {
  name: 'erasure.update',
  text: 'update erasure set erased_at = $2, places = $3 where id = $1',
};

export class PostgresErasureStore extends ErasureStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  async add({ id, guestId, requestedAt, erasedAt, places }: Erasure): Promise<void> {
    const values = [id, guestId, requestedAt.toISOString(), erasedAt?.toISOString() ?? null, asJson(places)];
    await this.work.run(() => this.work.query(INSERT, values));
  }

  find(id: string): Promise<Erasure | null> {
    return this.one(FIND, id);
  }

  ofGuest(guestId: string): Promise<Erasure | null> {
    return this.one(OF_GUEST, guestId);
  }

  update(id: string, change: (erasure: Erasure) => Erasure): Promise<Erasure | null> {
    return this.work.run(async () => {
      const known = await this.one(LOCK, id);
      if (known === null) return null;
      const changed = change(known);
      if (changed !== known)
        await this.work.query(UPDATE, [id, changed.erasedAt?.toISOString() ?? null, asJson(changed.places)]);
      return changed;
    });
  }

  private async one(statement: Statement, id: string): Promise<Erasure | null> {
    if (!UUID.test(id)) return null;
    return (await this.work.query<Erasure>(statement, [id])).rows[0] ?? null;
  }
}
