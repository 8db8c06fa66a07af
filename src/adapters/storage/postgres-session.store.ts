import { UUID } from '../../kernel/uuid.js';
import type { Clock } from '../../kernel/clock.js';
import { SessionStore } from '../../modules/guest/index.js';
import type { Session } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Row = { readonly guest_id: string; readonly sealed_token: string };

const FIND: Statement = {
  name: 'session.find',
  text: 'select guest_id, sealed_token from session where guest_id = $1',
};
const INSERT: Statement = {
  name: 'session.insert',
  text: `insert into session (guest_id, sealed_token)
    select guest_id, sealed_token from json_to_recordset($1) as row (guest_id uuid, sealed_token text)`,
};
const RESEAL: Statement = {
  name: 'session.reseal',
  text: 'update session set sealed_token = $2 where guest_id = $1',
};
const DELETE: Statement = { name: 'session.delete', text: 'delete from session where guest_id = any($1::uuid[])' };
const HOLD: Statement = {
  name: 'session.hold',
  text: `update session set owner = $2, owner_until = $3
    where guest_id = any($1::uuid[]) and (owner is null or owner = $2 or owner_until <= $4)
    returning guest_id`,
};
const ABANDONED: Statement = {
  name: 'session.abandoned',
  text: 'select 1 from session where owner_until <= $1 order by owner_until limit 1',
};
const ADOPT: Statement = {
  name: 'session.adopt',
  text: `update session set owner = $3, owner_until = $4 where guest_id = any(array(
      select guest_id from session where owner_until <= $1 order by owner_until limit $2 for update skip locked))
    returning guest_id, sealed_token`,
};
const STEP_BACK: Statement = {
  name: 'session.step_back',
  text: 'update session set owner = null, owner_until = null where guest_id = $1 and owner = $2',
};
const LET_GO: Statement = {
  name: 'session.let_go',
  text: 'update session set owner = null, owner_until = $2 where owner = $1',
};

const added: Sink<Session> = {
  name: 'session.added',
  async write(queries, sessions) {
    await queries.query(INSERT, [
      asJson(sessions.map(({ guestId, sealedToken }) => ({ guest_id: guestId, sealed_token: sealedToken }))),
    ]);
  },
};

const removed: Sink<string> = {
  name: 'session.removed',
  async write(queries, guestIds) {
    await queries.query(DELETE, [guestIds]);
  },
};

export class PostgresSessionStore extends SessionStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
    /** This process. */
    private readonly holder: string,
  ) {
    super();
  }

  add(session: Session): Promise<void> {
    return this.work.collect(added, keyOf(session.guestId), session);
  }

  async find(guestId: string): Promise<Session | null> {
    if (!UUID.test(guestId)) return null;
    const { rows } = await this.work.lookUp<Row>(keyOf(guestId), FIND, [guestId]);
    return rows[0] === undefined ? null : toSession(rows[0]);
  }

  async reseal({ guestId, sealedToken }: Session): Promise<void> {
    await this.work.run(() => this.work.query(RESEAL, [guestId, sealedToken]));
  }

  async hold(guestIds: readonly string[], ms: number): Promise<string[]> {
    if (guestIds.length === 0) return [];
    const { rows } = await this.work.run(() =>
      this.work.query<{ guest_id: string }>(HOLD, [guestIds, this.holder, this.in(ms), this.in(0)]),
    );
    return rows.map((row) => row.guest_id);
  }

  async adopt(limit: number, ms: number): Promise<Session[]> {
    const now = this.in(0);
    // Mostly there are none, and looking costs no write.
    if ((await this.work.query(ABANDONED, [now])).count === 0) return [];
    const { rows } = await this.work.run(() => this.work.query<Row>(ADOPT, [now, limit, this.holder, this.in(ms)]));
    return rows.map(toSession);
  }

  async stepBack(guestId: string): Promise<void> {
    await this.work.run(() => this.work.query(STEP_BACK, [guestId, this.holder]));
  }

  async remove(guestId: string): Promise<void> {
    if (UUID.test(guestId)) await this.work.collect(removed, keyOf(guestId), guestId);
  }

  async letGo(): Promise<void> {
    await this.work.run(() => this.work.query(LET_GO, [this.holder, this.in(0)]));
  }

  private in(ms: number): string {
    return new Date(this.clock.now().getTime() + ms).toISOString();
  }
}

const keyOf = (guestId: string): string => `session:${guestId}`;
const toSession = (row: Row): Session => ({ guestId: row.guest_id, sealedToken: row.sealed_token });
