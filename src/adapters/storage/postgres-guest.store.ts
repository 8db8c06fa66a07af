import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { guestNotFound, GuestStore } from '../../modules/guest/index.js';
import type { Guest, GuestPage, GuestQuery, GuestState, ListenedTo } from '../../modules/guest/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { GuestWakers } from './guest-wakers.js';
import { fromCursor, pageOf, toCursor } from './page.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { LookUp, Statement } from './statement.js';
import { Overtaken } from './storage.errors.js';
import { announceSubject } from './subject-keys.js';
import { asTexts, fromTexts } from './texts.js';

type Row = { readonly document: Document };
/** A guest as JSON has it. */
type Document = Omit<Guest, Instant | 'beganWith'> & {
  readonly [K in Instant]: string | null;
} & {
  /** Absent in guests that were written before there was one. */
  readonly beganWith?: string | null;
};
type Instant = 'createdDate' | 'modifiedDate' | 'closedDate';
type Change = { readonly from: number; readonly guest: Guest };

const FIND: LookUp = {
  name: 'guest.find',
  text: 'select document from guest where id = $1',
  many: { name: 'guest.find_many', text: 'select id, document from guest where id = any($1::uuid[])' },
};
const LOCK: LookUp = {
  name: 'guest.lock',
  text: 'select document from guest where id = $1 for update',
  many: {
    name: 'guest.lock_many',
    text: 'select id, document from guest where id = any($1::uuid[]) order by id for update',
  },
};

const OVER_STATES = `('closed', 'expired', 'erased', 'failed')`;
/** What a guest is found by stands in columns; the document says it, so that it is sent once. `offset 0`: and read once, not once a column. */
const sent = (columns: readonly string[]): string =>
  `(select sent::jsonb${columns.map((name) => `, ${name}`).join('')} from ${fromTexts(['sent', ...columns])} offset 0) as row`;
const VERSION = `(sent->>'version')::integer`;
const CREATED = `(sent->>'createdDate')::timestamptz`;
/** Null while the guest is not over. */
const OVER_AT = `case when sent->>'state' in ${OVER_STATES}
  then coalesce(sent->>'closedDate', sent->>'modifiedDate')::timestamptz end`;
const EMAIL = `sent->'identity'->>'emailHash'`;
const PHONE = `sent->'identity'->>'phoneHash'`;
const CAMPAIGN = `sent->'channelContext'->>'campaignId'`;
const INSERT: Statement = {
  name: 'guest.insert',
  text: `insert into guest (id, version, state, mode, email_hash, phone_hash, campaign_id, created_at, resting_since, look_at, document)
    select (sent->>'id')::uuid, ${VERSION}, sent->>'state', sent->>'mode', ${EMAIL}, ${PHONE}, ${CAMPAIGN},
      ${CREATED}, coalesce(${OVER_AT}, ${CREATED}), ${CREATED}, sent
      from ${sent([])}`,
};
const UPDATE: Statement = {
  name: 'guest.update',
  text: `update guest set version = ${VERSION}, state = sent->>'state', email_hash = ${EMAIL}, phone_hash = ${PHONE},
      campaign_id = ${CAMPAIGN}, resting_since = coalesce(${OVER_AT}, guest.resting_since), document = sent
    from ${sent(['known'])}
    where guest.id = (sent->>'id')::uuid and guest.version = known::integer`,
};
const LINK: Statement = {
  name: 'guest.link',
  text: `insert into guest_conversation (conversation_id, guest_id)
    select conversation_id, guest_id from json_to_recordset($1) as row (conversation_id text, guest_id uuid)
    on conflict do nothing`,
};

/** Written as the indices are, so that each is read in its order. */
const OPEN = `state in ('created', 'configured', 'active', 'disconnected')`;
const OVER = `state in ${OVER_STATES}`;
const IDLE: Statement = {
  name: 'guest.idle',
  text: `select id from guest where ${OPEN} and resting_since <= $1 order by resting_since, id limit $2`,
};
const PAST: Statement = {
  name: 'guest.past',
  text: `select id from guest where ${OVER} and resting_since < $1 order by resting_since, id limit $2`,
};
const COUNT_PAST: Statement = {
  name: 'guest.count_past',
  text: `select (select count(*) from guest where ${OVER} and resting_since < $1) as count,
    (select resting_since from guest where ${OVER} order by resting_since limit 1) as oldest`,
};
const PUT_OFF: Statement = {
  name: 'guest.put_off',
  text: `update guest set resting_since = row.since from json_to_recordset($1) as row (id uuid, since timestamptz)
    where guest.id = row.id`,
};
const OF_CONVERSATION: Statement = {
  name: 'guest.of_conversation',
  text: `select guest_id as id from guest_conversation where conversation_id = $1
    order by conversation_id desc, guest_id desc limit 1`,
};
/** Of one state, in the order of its index. */
const pagesGuests = (state: GuestState): string => `(select id, document->'conversations'->-1->>'id' as conversation_id
    from guest where state = '${state}' and mode = 'widget' and document->'conversations'->-1 is not null
      and document->'consent'->>'dataProcessing' = 'true'
    order by state desc, id desc limit $1)`;
const LISTENED_TO: Statement = {
  name: 'guest.listened_to',
  text: `${pagesGuests('active')} union all ${pagesGuests('disconnected')} limit $1`,
};
const TO_LOOK_AT: Statement = {
  name: 'guest.to_look_at',
  text: `select id from guest where state in ('created', 'configured', 'active', 'disconnected', 'closing') and look_at <= $1
    order by look_at, id limit $2`,
};
const LOOK_AGAIN: Statement = {
  name: 'guest.look_again',
  text: `update guest set look_at = row.at from json_to_recordset($1) as row (id uuid, at timestamptz) where guest.id = row.id`,
};
const DELETE: Statement = {
  name: 'guest.delete',
  text: `with gone as (delete from guest where id = any($1::uuid[]) returning id, document)
    delete from guest_conversation using gone, jsonb_array_elements(gone.document->'conversations') as conversation
      where conversation_id = conversation->>'id' and guest_id = gone.id`,
};

const added: Sink<Guest> = {
  name: 'guest.added',
  async write(queries, guests) {
    await queries.query(INSERT, asTexts(guests.map(toSent), ['sent']));
  },
};

const changed: Sink<Change> = {
  name: 'guest.changed',
  async write(queries, changes) {
    const rows = changes.map(({ from, guest }) => ({ ...toSent(guest), known: from }));
    const { count } = await queries.query(UPDATE, asTexts(rows, ['sent', 'known']));
    if (count !== changes.length) throw new Overtaken('a guest was changed by another transaction');
  },
};

const linked: Sink<{ readonly conversation_id: string; readonly guest_id: string }> = {
  name: 'guest.linked',
  async write(queries, rows) {
    await queries.query(LINK, [asJson(rows)]);
  },
};

const rested: Sink<{ readonly id: string; readonly since: string }> = {
  name: 'guest.rested',
  async write(queries, rows) {
    await queries.query(PUT_OFF, [asJson(rows)]);
  },
};

const looked: Sink<{ readonly id: string; readonly at: string }> = {
  name: 'guest.looked',
  async write(queries, rows) {
    await queries.query(LOOK_AGAIN, [asJson(rows)]);
  },
};

const removed: Sink<string> = {
  name: 'guest.removed',
  async write(queries, ids) {
    await queries.query(DELETE, [ids]);
  },
};

export class PostgresGuestStore extends GuestStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly wakers: GuestWakers,
  ) {
    super();
    work.foresee({ lookUp: LOCK, idOf: guestIdOf, keyOf });
  }

  async add(guest: Guest): Promise<void> {
    announceSubject(this.work, `guest:${guest.id}`);
    await this.work.collect(added, keyOf(guest.id), guest);
    await this.link(guest.id, guest.conversations);
  }

  async find(id: string): Promise<Guest | null> {
    if (!UUID.test(id)) return null;
    const { rows } = await this.work.lookUpById<Row>(keyOf(id), FIND, id);
    return rows[0] === undefined ? null : toGuest(rows[0].document);
  }

  async update(id: string, change: (guest: Guest) => Guest): Promise<Guest> {
    if (!UUID.test(id)) throw guestNotFound(id);
    return this.work.run(async () => {
      const { rows } = await this.work.lookUpById<Row>(keyOf(id), LOCK, id);
      if (rows[0] === undefined) throw guestNotFound(id);
      const guest = toGuest(rows[0].document);
      const next = change(guest);
      if (next === guest) return next;
      await this.work.collect(changed, keyOf(id), { from: guest.version, guest: next });
      await this.link(id, next.conversations.slice(guest.conversations.length));
      this.wakers.changed(id);
      return next;
    }, `guest:${id}`);
  }

  async list(query: GuestQuery): Promise<GuestPage> {
    const [after] = query.cursor === undefined ? [] : fromCursor(query.cursor, UUID);
    const filters = (
      [
        ['state', query.state],
        ['email_hash', query.emailHash],
        ['phone_hash', query.phoneHash],
        ['campaign_id', query.campaignId],
      ] as const
    ).filter(([, value]) => value !== undefined);
    const conditions = filters.map(([column], index) => `${column} = $${index + 2}`);
    if (after !== undefined) conditions.push(`id < $${filters.length + 2}`);
    const { rows } = await this.work.query<Row>(
      {
        name: ['guest.list', ...filters.map(([column]) => column), ...(after === undefined ? [] : ['after'])].join('.'),
        text: `select document from guest ${conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''} order by id desc limit $1`,
      },
      [query.limit + 1, ...filters.map(([, value]) => value), ...(after === undefined ? [] : [after])],
    );
    return pageOf(
      rows,
      query.limit,
      (row) => toGuest(row.document),
      (row) => toCursor(row.document.id),
    );
  }

  async idle(before: Date, limit: number): Promise<string[]> {
    const { rows } = await this.work.query<{ readonly id: string }>(IDLE, [before.toISOString(), limit]);
    return rows.map(({ id }) => id);
  }

  async past(before: Date, limit: number): Promise<string[]> {
    const { rows } = await this.work.query<{ readonly id: string }>(PAST, [before.toISOString(), limit]);
    return rows.map(({ id }) => id);
  }

  async countPast(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(COUNT_PAST, [before.toISOString()]);
    return rows[0]!;
  }

  async putOff(id: string, since: Date): Promise<void> {
    if (UUID.test(id)) await this.work.collect(rested, keyOf(id), { id, since: since.toISOString() });
  }

  async ofConversation(conversationId: string): Promise<string | null> {
    const { rows } = await this.work.query<{ readonly id: string }>(OF_CONVERSATION, [conversationId]);
    return rows[0]?.id ?? null;
  }

  async listenedTo(limit: number): Promise<ListenedTo[]> {
    type Listened = { readonly id: string; readonly conversation_id: string };
    const { rows } = await this.work.query<Listened>(LISTENED_TO, [limit]);
    return rows.map(({ id, conversation_id: conversationId }) => ({ guestId: id, conversationId }));
  }

  async toLookAt(at: Date, limit: number): Promise<string[]> {
    const { rows } = await this.work.query<{ readonly id: string }>(TO_LOOK_AT, [at.toISOString(), limit]);
    return rows.map(({ id }) => id);
  }

  async lookAgain(id: string, at: Date): Promise<void> {
    if (UUID.test(id)) await this.work.collect(looked, keyOf(id), { id, at: at.toISOString() });
  }

  async remove(id: string): Promise<void> {
    if (UUID.test(id)) await this.work.collect(removed, keyOf(id), id);
  }

  private async link(id: string, conversations: Guest['conversations']): Promise<void> {
    for (const conversation of conversations)
      await this.work.collect(linked, `guest_conversation:${conversation.id}:${id}`, {
        conversation_id: conversation.id,
        guest_id: id,
      });
  }
}

const keyOf = (id: string): string => `guest:${id}`;

/** Whom a subject `guest:<id>` is about. */
const guestIdOf = (subject: string): string | null => {
  const id = subject.startsWith('guest:') ? subject.slice('guest:'.length) : '';
  return UUID.test(id) ? id : null;
};

const toSent = (guest: Guest): { readonly sent: string } => ({ sent: JSON.stringify(guest) });

const toGuest = (document: Document): Guest => ({
  // One spread, and first: with another before it V8 takes thirty times as long, which showed in every reading.
  ...document,
  beganWith: document.beganWith ?? null,
  createdDate: new Date(document.createdDate!),
  modifiedDate: new Date(document.modifiedDate!),
  closedDate: document.closedDate === null ? null : new Date(document.closedDate),
});
