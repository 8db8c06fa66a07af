import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { AttachmentStore } from '../../modules/guest/index.js';
import type { Attachment, Settled } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { Statement } from './statement.js';

type Row = {
  readonly guest_id: string;
  readonly id: string;
  readonly message_id: string | null;
  readonly status: Attachment['status'];
  readonly size: number | null;
  readonly sealed_about: string;
  readonly sealed_source: string | null;
  readonly code: string | null;
  readonly at: Date;
};

const COLUMNS = 'guest_id, id, message_id, status, size, sealed_about, sealed_source, code, at';
const INSERT: Statement = {
  name: 'attachment.insert',
  text: `insert into attachment (${COLUMNS}, sealed_bytes) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
};
const FIND: Statement = {
  name: 'attachment.find',
  text: `select ${COLUMNS} from attachment where guest_id = $1 and id = any($2::uuid[])`,
};
const BYTES: Statement = {
  name: 'attachment.bytes',
  text: 'select sealed_bytes from attachment where guest_id = $1 and id = $2',
};
const WAITING: Statement = {
  name: 'attachment.waiting',
  text: `select count(*)::integer as count from attachment where guest_id = $1 and status = 'queued'`,
};
const CARRY: Statement = {
  name: 'attachment.carry',
  text: 'update attachment set message_id = $3 where guest_id = $1 and id = any($2::uuid[]) and message_id is null',
};
const SETTLE: Statement = {
  name: 'attachment.settle',
  text: `update attachment set status = $3, code = $4, sealed_source = $5, sealed_bytes = null
    where guest_id = $1 and id = $2 and status in ('queued', 'uploaded', 'received')`,
};
const KEPT = '(sealed_bytes is not null or sealed_source is not null)';
const COUNT: Statement = {
  name: 'attachment.count_contents',
  text: `select (select count(*) from attachment where ${KEPT} and at < $1)::integer as count,
    (select at from attachment where ${KEPT} order by at limit 1) as oldest`,
};
const FORGET: Statement = {
  name: 'attachment.forget_contents',
  text: `update attachment set sealed_bytes = null, sealed_source = null, status = 'expired', code = 'attachment.kept_too_long'
    from (select ctid as place from attachment where ${KEPT} and at < $1
      order by at limit $2 for update skip locked) old
    where attachment.ctid = old.place`,
};
const DELETE: Statement = { name: 'attachment.delete', text: 'delete from attachment where guest_id = $1' };

export class PostgresAttachmentStore extends AttachmentStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  async add(attachment: Attachment, sealedBytes: string | null): Promise<void> {
    const { guestId, id, messageId, status, size, sealedAbout, sealedSource, code, at } = attachment;
    const told = [guestId, id, messageId, status, size, sealedAbout, sealedSource, code, at.toISOString()];
    const values = [...told, sealedBytes];
    await this.work.run(() => this.work.query(INSERT, values));
  }

  async find(guestId: string, id: string): Promise<Attachment | null> {
    return (await this.findAll(guestId, [id]))[0] ?? null;
  }

  async findAll(guestId: string, ids: readonly string[]): Promise<Attachment[]> {
    const known = ids.filter((id) => UUID.test(id));
    if (!UUID.test(guestId) || known.length === 0) return [];
    const { rows } = await this.work.query<Row>(FIND, [guestId, known]);
    return rows.map(toAttachment);
  }

  async bytes(guestId: string, id: string): Promise<string | null> {
    if (!UUID.test(guestId) || !UUID.test(id)) return null;
    const { rows } = await this.work.query<{ sealed_bytes: string | null }>(BYTES, [guestId, id]);
    return rows[0]?.sealed_bytes ?? null;
  }

  async waiting(guestId: string): Promise<number> {
    if (!UUID.test(guestId)) return 0;
    const { rows } = await this.work.query<{ count: number }>(WAITING, [guestId]);
    return rows[0]!.count;
  }

  async carry(guestId: string, ids: readonly string[], messageId: string): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(CARRY, [guestId, ids, messageId]));
    return count;
  }

  async settle(guestId: string, id: string, how: Settled): Promise<void> {
    const { status, code = null, sealedSource = null } = how;
    if (UUID.test(guestId) && UUID.test(id))
      await this.work.run(() => this.work.query(SETTLE, [guestId, id, status, code, sealedSource]));
  }

  async countContents(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(COUNT, [before.toISOString()]);
    return rows[0]!;
  }

  async forgetContents(before: Date, limit: number): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(FORGET, [before.toISOString(), limit]));
    return count;
  }

  async removeAll(guestId: string): Promise<void> {
    if (UUID.test(guestId)) await this.work.run(() => this.work.query(DELETE, [guestId]));
  }
}

const toAttachment = (row: Row): Attachment => ({
  id: row.id,
  guestId: row.guest_id,
  messageId: row.message_id,
  status: row.status,
  size: row.size,
  sealedAbout: row.sealed_about,
  sealedSource: row.sealed_source,
  code: row.code,
  at: row.at,
});
