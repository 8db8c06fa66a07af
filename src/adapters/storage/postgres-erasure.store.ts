import { UUID } from '../../kernel/uuid.js';
import { ErasureStore, stateOf } from '../../modules/guest/index.js';
import type { Erasure, ErasurePage, ErasureQuery, ErasureState } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import { fromCursor, pageOf, toCursor } from './page.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

const SELECT = `select id, guest_id as "guestId", requested_at as "requestedAt", erased_at as "erasedAt", places from erasure`;
const FIND: Statement = { name: 'erasure.find', text: `${SELECT} where id = $1` };
const LOCK: Statement = { name: 'erasure.lock', text: `${SELECT} where id = $1 for update` };
const OF_GUEST: Statement = { name: 'erasure.of_guest', text: `${SELECT} where guest_id = $1` };
const INSERT: Statement = {
  name: 'erasure.insert',
  text: 'insert into erasure (id, guest_id, requested_at, erased_at, state, places) values ($1, $2, $3, $4, $5, $6)',
};
const UPDATE: Statement = {
  name: 'erasure.update',
  text: 'update erasure set erased_at = $2, state = $3, places = $4 where id = $1',
};
const FROM_NEWEST = `($1::uuid is null or id < $1) order by id desc limit $2`;
const LIST: Statement = { name: 'erasure.list', text: `${SELECT} where ${FROM_NEWEST}` };
const LIST_OF_STATE: Statement = {
  name: 'erasure.list_of_state',
  text: `${SELECT} where state = $3 and ${FROM_NEWEST.replace('order by id desc', 'order by state desc, id desc')}`,
};
const COUNT: Statement = {
  name: 'erasure.count',
  text: 'select state, count(*) as count from erasure where state = any($1) group by state',
};

export class PostgresErasureStore extends ErasureStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  async add(erasure: Erasure): Promise<void> {
    const { id, guestId, requestedAt } = erasure;
    await this.work.run(() => this.work.query(INSERT, [id, guestId, requestedAt.toISOString(), ...progress(erasure)]));
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
      if (changed !== known) await this.work.query(UPDATE, [id, ...progress(changed)]);
      return changed;
    });
  }

  async list({ state, cursor, limit }: ErasureQuery): Promise<ErasurePage> {
    const values = [cursor === undefined ? null : fromCursor(cursor, UUID)[0], limit + 1];
    const { rows } = await (state === undefined
      ? this.work.query<Erasure>(LIST, values)
      : this.work.query<Erasure>(LIST_OF_STATE, [...values, state]));
    return pageOf(
      rows,
      limit,
      (row) => row,
      ({ id }) => toCursor(id),
    );
  }

  async count(states: readonly ErasureState[]): Promise<ReadonlyMap<ErasureState, number>> {
    const { rows } = await this.work.query<{ state: ErasureState; count: number }>(COUNT, [states]);
    const found = new Map(rows.map(({ state, count }) => [state, count]));
    return new Map(states.map((state) => [state, found.get(state) ?? 0]));
  }

  private async one(statement: Statement, id: string): Promise<Erasure | null> {
    if (!UUID.test(id)) return null;
    return (await this.work.query<Erasure>(statement, [id])).rows[0] ?? null;
  }
}

const progress = (erasure: Erasure): unknown[] => [
  erasure.erasedAt?.toISOString() ?? null,
  stateOf(erasure),
  asJson(erasure.places),
];
