import { UUID } from '../../kernel/uuid.js';
import { GuestNews, unknownEventId } from '../../modules/guest/index.js';
import type { MessageChanges } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { GuestWakers } from './guest-wakers.js';
import { MESSAGE_COLUMNS, toMessage } from './postgres-message.store.js';
import type { MessageRow } from './postgres-message.store.js';
import type { Statement } from './statement.js';

type ChangeRow = MessageRow & { readonly xid: string; readonly position: number; readonly settled: boolean };

/** The oldest transaction that may still write: whatever is written from now on stands at or behind it. */
const NOW: Statement = { name: 'news.now', text: 'select pg_snapshot_xmin(pg_current_snapshot())::text as xid' };
/**
 * Rows of transactions still to come were restored from another PostgreSQL, whose numbers mean nothing here: they are history, not news.
 */
const CHANGES: Statement = {
  name: 'news.changes',
  text: `select ${MESSAGE_COLUMNS}, xid::text as xid, position, xid < pg_snapshot_xmin(pg_current_snapshot()) as settled
    from message
    where guest_id = $1 and (xid, position) > ($2::text::xid8, $3::bigint) and xid < pg_snapshot_xmax(pg_current_snapshot())
    order by message.xid, position limit $4`,
};
const HEADS: Statement = {
  name: 'news.heads',
  text: `select guest.id, guest.version, message.xid::text as xid, message.position
    from unnest($1::uuid[]) as wanted (id)
    join guest on guest.id = wanted.id
    left join lateral (
      select xid, position from message
        where guest_id = wanted.id and xid < pg_snapshot_xmax(pg_current_snapshot())
        order by message.xid desc, position desc limit 1
    ) message on true`,
};

const POSITION = /^(\d{1,16})\.(\d{1,16})$/;

export class PostgresGuestNews extends GuestNews {
  constructor(
    private readonly work: GroupCommitter,
    private readonly wakers: GuestWakers,
  ) {
    super();
  }

  async start(after: string | null): Promise<string> {
    const { rows } = await this.work.query<{ xid: string }>(NOW);
    const now = rows[0]!.xid;
    if (after === null) return `${now}.0`;
    const xid = POSITION.exec(after)?.[1];
    if (xid === undefined || BigInt(xid) > BigInt(now)) throw unknownEventId();
    return after;
  }

  async changes(guestId: string, after: string, limit: number): Promise<MessageChanges> {
    if (!UUID.test(guestId)) return { items: [], rest: 'none' };
    const [, xid, position] = POSITION.exec(after) ?? [];
    if (xid === undefined) throw unknownEventId();
    const { rows } = await this.work.query<ChangeRow>(CHANGES, [guestId, xid, position, limit + 1]);
    const certain = rows.findIndex(({ settled }) => !settled);
    const settled = certain === -1 ? rows : rows.slice(0, certain);
    const items = settled
      .slice(0, limit)
      .map((row) => ({ message: toMessage(row), position: `${row.xid}.${row.position}` }));
    return { items, rest: settled.length > limit ? 'more' : certain === -1 ? 'none' : 'settling' };
  }

  async heads(guestIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { rows } = await this.work.query<{
      id: string;
      version: number;
      xid: string | null;
      position: number | null;
    }>(HEADS, [guestIds.filter((id) => UUID.test(id))]);
    return new Map(rows.map(({ id, version, xid, position }) => [id, `${version} ${xid ?? ''}.${position ?? ''}`]));
  }

  onChange(then: (guestId: string) => void): void {
    this.wakers.onChange(then);
  }
}
