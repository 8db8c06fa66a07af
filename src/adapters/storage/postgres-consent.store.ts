import { UUID } from '../../kernel/uuid.js';
import { ConsentStore } from '../../modules/guest/index.js';
import type { ConsentPage, ConsentRecord, Purpose } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import { fromCursor, pageOf, toCursor } from './page.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Row = {
  readonly guest_id: string;
  readonly id: string;
  readonly purpose: Purpose;
  readonly decision: ConsentRecord['decision'];
  readonly notice_version: string | null;
  readonly method: ConsentRecord['method'];
  readonly at: Date;
  readonly recorded_at: Date;
  readonly actor: string;
  readonly key_id: string;
};
type Placed = Row & { readonly position: number };

const COLUMNS = 'guest_id, id, purpose, decision, notice_version, method, at, recorded_at, actor, key_id';
const INSERT: Statement = {
  name: 'consent.insert',
  text: `insert into consent (${COLUMNS}) select ${COLUMNS} from json_to_recordset($1)
    as row (guest_id uuid, id uuid, purpose text, decision text, notice_version text, method text,
      at timestamptz, recorded_at timestamptz, actor text, key_id text)`,
};
const CURRENT: Statement = {
  name: 'consent.current',
  text: `select ${COLUMNS} from consent where guest_id = $1 and purpose = $2 order by at desc, position desc limit 1`,
};
const FIND: Statement = {
  name: 'consent.find',
  text: `select ${COLUMNS} from consent where guest_id = $1 and id = $2`,
};
const LIST: Statement = {
  name: 'consent.list',
  text: `select ${COLUMNS}, position from consent where guest_id = $1 and position > $3 order by position limit $2`,
};

const added: Sink<ConsentRecord> = {
  name: 'consent.added',
  folds: true,
  async write(queries, records) {
    await queries.query(INSERT, [asJson(records.map(toRow))]);
  },
};

export class PostgresConsentStore extends ConsentStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  add(record: ConsentRecord): Promise<void> {
    return this.work.collect(added, keyOf(record.guestId), record);
  }

  async current(guestId: string, purpose: Purpose): Promise<ConsentRecord | null> {
    if (!UUID.test(guestId)) return null;
    const { rows } = await this.work.lookUp<Row>(keyOf(guestId), CURRENT, [guestId, purpose]);
    return rows[0] === undefined ? null : toRecord(rows[0]);
  }

  async find(guestId: string, id: string): Promise<ConsentRecord | null> {
    if (!UUID.test(guestId) || !UUID.test(id)) return null;
    const { rows } = await this.work.lookUp<Row>(keyOf(guestId), FIND, [guestId, id]);
    return rows[0] === undefined ? null : toRecord(rows[0]);
  }

  async list(guestId: string, cursor: string | undefined, limit: number): Promise<ConsentPage> {
    const [after] = cursor === undefined ? [0] : fromCursor(cursor, POSITION);
    if (!UUID.test(guestId)) return { items: [], nextCursor: null };
    const { rows } = await this.work.lookUp<Placed>(keyOf(guestId), LIST, [guestId, limit + 1, after]);
    return pageOf(rows, limit, toRecord, (row) => toCursor(row.position));
  }
}

const POSITION = /^\d{1,16}$/;

const keyOf = (guestId: string): string => `consent:${guestId}`;

const toRow = (record: ConsentRecord): Row => ({
  guest_id: record.guestId,
  id: record.id,
  purpose: record.purpose,
  decision: record.decision,
  notice_version: record.noticeVersion,
  method: record.method,
  at: record.at,
  recorded_at: record.recordedAt,
  actor: record.actor,
  key_id: record.keyId,
});

const toRecord = (row: Row): ConsentRecord => ({
  id: row.id,
  guestId: row.guest_id,
  purpose: row.purpose,
  decision: row.decision,
  noticeVersion: row.notice_version,
  method: row.method,
  at: row.at,
  recordedAt: row.recorded_at,
  actor: row.actor,
  keyId: row.key_id,
});
