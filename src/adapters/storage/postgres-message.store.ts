import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { MessageStore } from '../../modules/guest/index.js';
import type { Message, MessagePage } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { GuestWakers } from './guest-wakers.js';
import { fromCursor, INSTANT, pageOf, toCursor } from './page.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

/** A row as `MESSAGE_COLUMNS` reads it. */
export type MessageRow = {
  readonly guest_id: string;
  readonly id: string;
  readonly key: string | null;
  readonly sender: Message['from'];
  readonly status: Message['status'];
  readonly sealed_text: string | null;
  readonly at: Date;
  readonly attachment_ids: string[];
};

export const MESSAGE_COLUMNS = 'guest_id, id, key, sender, status, sealed_text, at, attachment_ids';
const FIND: Statement = {
  name: 'message.find',
  text: `select ${MESSAGE_COLUMNS} from message where guest_id = $1 and id = $2`,
};
const KNOWN: Statement = {
  name: 'message.known',
  text: 'select 1 from message where guest_id = $1 and key = $2',
};
const QUEUED: Statement = {
  name: 'message.queued',
  text: `select ${MESSAGE_COLUMNS} from message where guest_id = $1 and status = 'queued' order by at, id`,
};
const INSERT: Statement = {
  name: 'message.insert',
  text: `insert into message (${MESSAGE_COLUMNS}) select ${MESSAGE_COLUMNS} from json_to_recordset($1)
    as row (guest_id uuid, id uuid, key text, sender text, status text, sealed_text text, at timestamptz, attachment_ids uuid[])`,
};
const FORGET_DOUBLE: Statement = {
  name: 'message.forget_double',
  text: 'delete from message where guest_id = $1 and key = $3 and id <> $2',
};
const ACCEPT: Statement = {
  name: 'message.accept',
  text: `update message set key = $3, status = 'sent', position = default, xid = default
    where guest_id = $1 and id = $2 and key is null`,
};
const FAIL: Statement = {
  name: 'message.fail',
  text: `update message set status = 'failed', position = default, xid = default
    where guest_id = $1 and id = $2 and status = 'queued'`,
};
const LIST: Statement = {
  name: 'message.list',
  text: `select ${MESSAGE_COLUMNS} from message where guest_id = $1 order by at, id limit $2`,
};
const LIST_AFTER: Statement = {
  name: 'message.list.after',
  text: `select ${MESSAGE_COLUMNS} from message where guest_id = $1 and (at, id) > ($3::timestamptz, $4::uuid) order by at, id limit $2`,
};

const KEPT_TEXT = `sealed_text is not null and status <> 'queued'`;
const COUNT_TEXTS: Statement = {
  name: 'message.count_texts',
  text: `select (select count(*) from message where ${KEPT_TEXT} and at < $1) as count,
    (select at from message where ${KEPT_TEXT} order by at limit 1) as oldest`,
};
const FORGET_TEXTS: Statement = {
  name: 'message.forget_texts',
  text: `update message set sealed_text = null
    from (select ctid as place from message where ${KEPT_TEXT} and at < $1 order by at limit $2 for update skip locked) old
    where message.ctid = old.place`,
};
const DELETE: Statement = { name: 'message.delete', text: 'delete from message where guest_id = any($1::uuid[])' };

const removed: Sink<string> = {
  name: 'message.removed',
  async write(queries, guestIds) {
    await queries.query(DELETE, [guestIds]);
  },
};

const added: Sink<Message> = {
  name: 'message.added',
  folds: true,
  async write(queries, messages) {
    await queries.query(INSERT, [asJson(messages.map(toRow))]);
  },
};

export class PostgresMessageStore extends MessageStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly wakers: GuestWakers,
  ) {
    super();
  }

  add(message: Message): Promise<boolean> {
    return this.work.run(async () => {
      const key = keyOf(message.guestId);
      if (message.key !== null && (await this.knows(message.guestId, message.key))) return false;
      await this.work.collect(added, key, message);
      this.wakers.changed(message.guestId);
      return true;
    });
  }

  async find(guestId: string, id: string): Promise<Message | null> {
    if (!UUID.test(guestId) || !UUID.test(id)) return null;
    const { rows } = await this.work.lookUp<MessageRow>(keyOf(guestId), FIND, [guestId, id]);
    return rows[0] === undefined ? null : toMessage(rows[0]);
  }

  async knows(guestId: string, key: string): Promise<boolean> {
    if (!UUID.test(guestId)) return false;
    const { count } = await this.work.lookUp(keyOf(guestId), KNOWN, [guestId, key]);
    return count > 0;
  }

  async queued(guestId: string): Promise<Message[]> {
    if (!UUID.test(guestId)) return [];
    const { rows } = await this.work.lookUp<MessageRow>(keyOf(guestId), QUEUED, [guestId]);
    return rows.map(toMessage);
  }

  accepted(guestId: string, id: string, key: string): Promise<boolean> {
    return this.work.run(async () => {
      const message = await this.find(guestId, id);
      if (message === null || message.key !== null) return false;
      const { count: doubles } = await this.work.query(FORGET_DOUBLE, [guestId, id, key]);
      const { count } = await this.work.query(ACCEPT, [guestId, id, key]);
      this.wakers.changed(guestId);
      return count > 0 && doubles === 0;
    });
  }

  async failed(guestId: string, id: string): Promise<void> {
    if (!UUID.test(guestId) || !UUID.test(id)) return;
    await this.work.run(async () => {
      await this.work.query(FAIL, [guestId, id]);
      this.wakers.changed(guestId);
    });
  }

  async countTexts(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(COUNT_TEXTS, [before.toISOString()]);
    return rows[0]!;
  }

  async forgetTexts(before: Date, limit: number): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(FORGET_TEXTS, [before.toISOString(), limit]));
    return count;
  }

  async removeAll(guestId: string): Promise<void> {
    if (UUID.test(guestId)) await this.work.collect(removed, keyOf(guestId), guestId);
  }

  async list(guestId: string, cursor: string | undefined, limit: number): Promise<MessagePage> {
    if (!UUID.test(guestId)) return { items: [], nextCursor: null };
    const after = cursor === undefined ? null : fromCursor(cursor, INSTANT, UUID);
    const { rows } = await this.work.lookUp<MessageRow>(keyOf(guestId), after === null ? LIST : LIST_AFTER, [
      guestId,
      limit + 1,
      ...(after ?? []),
    ]);
    return pageOf(rows, limit, toMessage, (row) => toCursor(row.at.toISOString(), row.id));
  }
}

const keyOf = (guestId: string): string => `message:${guestId}`;

const toRow = (message: Message): Omit<MessageRow, 'at'> & { readonly at: Date } => ({
  guest_id: message.guestId,
  id: message.id,
  key: message.key,
  sender: message.from,
  status: message.status,
  sealed_text: message.sealedText,
  at: message.at,
  attachment_ids: [...(message.attachmentIds ?? [])],
});

export const toMessage = (row: MessageRow): Message => ({
  id: row.id,
  guestId: row.guest_id,
  key: row.key,
  from: row.sender,
  status: row.status,
  sealedText: row.sealed_text,
  at: row.at,
  ...(row.attachment_ids.length === 0 ? {} : { attachmentIds: row.attachment_ids }),
});
