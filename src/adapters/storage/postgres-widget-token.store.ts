import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { WidgetTokenStore } from '../../modules/guest/index.js';
import type { GuestState, WidgetToken } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Row = {
  readonly id: string;
  readonly digest: string;
  readonly guest_id: string;
  readonly origins: string[];
  readonly expires_at: Date;
  readonly state: GuestState;
};

const INSERT: Statement = {
  name: 'widget_token.insert',
  text: `insert into widget_token (digest, id, guest_id, origins, expires_at)
    select digest, id, guest_id, origins, expires_at from json_to_recordset($1)
      as row (digest text, id uuid, guest_id uuid, origins text[], expires_at timestamptz)`,
};
const FIND: Statement = {
  name: 'widget_token.find',
  text: `select token.id, token.digest, token.guest_id, token.origins, token.expires_at, guest.state
    from widget_token as token join guest on guest.id = token.guest_id
    where token.digest = $1 and token.revoked_at is null and token.expires_at > $2`,
};
const REVOKE: Statement = {
  name: 'widget_token.revoke',
  text: 'update widget_token set revoked_at = $2 where guest_id = $1 and revoked_at is null and expires_at > $2',
};
const PURGE: Statement = {
  name: 'widget_token.purge',
  text: `delete from widget_token
    using (select ctid as place from widget_token where expires_at < $1 order by expires_at limit $2 for update skip locked) old
    where widget_token.ctid = old.place`,
};
const COUNT: Statement = {
  name: 'widget_token.count',
  text: `select (select count(*) from widget_token where expires_at < $1) as count,
    (select expires_at from widget_token order by expires_at limit 1) as oldest`,
};

const added: Sink<WidgetToken> = {
  name: 'widget_token.added',
  async write(queries, tokens) {
    const rows = tokens.map(({ digest, id, guestId, origins, expiresAt }) => ({
      digest,
      id,
      guest_id: guestId,
      origins,
      expires_at: expiresAt.toISOString(),
    }));
    await queries.query(INSERT, [asJson(rows)]);
  },
};

export class PostgresWidgetTokenStore extends WidgetTokenStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  add(token: WidgetToken): Promise<void> {
    return this.work.collect(added, `widget_token:${token.digest}`, token);
  }

  async find(digest: string, at: Date): Promise<{ token: WidgetToken; guestState: GuestState } | null> {
    const { rows } = await this.work.query<Row>(FIND, [digest, at.toISOString()]);
    const [row] = rows;
    return row === undefined ? null : { token: toToken(row), guestState: row.state };
  }

  async revokeAll(guestId: string, at: Date): Promise<number> {
    if (!UUID.test(guestId)) return 0;
    const { count } = await this.work.run(() => this.work.query(REVOKE, [guestId, at.toISOString()]));
    return count;
  }

  async purge(before: Date, limit: number): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(PURGE, [before.toISOString(), limit]));
    return count;
  }

  async count(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(COUNT, [before.toISOString()]);
    return rows[0]!;
  }
}

const toToken = (row: Row): WidgetToken => ({
  id: row.id,
  digest: row.digest,
  guestId: row.guest_id,
  origins: row.origins,
  expiresAt: row.expires_at,
});
