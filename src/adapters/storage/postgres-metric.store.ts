import { UUID } from '../../kernel/uuid.js';
import { MetricStore } from '../../modules/metrics/index.js';
import type { MetricEvent } from '../../modules/metrics/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import type { Statement } from './statement.js';
import { asTexts, fromTexts } from './texts.js';

type Row = { readonly type: MetricEvent['type']; readonly at: Date; readonly sender: 'guest' | 'agent' | 'bot' | null };

const COLUMNS = ['guest_id', 'type', 'at', 'sender'] as const;
const INSERT: Statement = {
  name: 'metric.insert',
  text: `insert into metric_event (guest_id, type, at, sender) select guest_id::uuid, type, at::timestamptz, sender
    from ${fromTexts(COLUMNS)}`,
};
const EVENTS: Statement = {
  name: 'metric.events',
  text: 'select type, at, sender from metric_event where guest_id = $1 order by position',
};

const DELETE: Statement = { name: 'metric.delete', text: 'delete from metric_event where guest_id = any($1::uuid[])' };

const removed: Sink<string> = {
  name: 'metric.removed',
  async write(queries, guestIds) {
    await queries.query(DELETE, [guestIds]);
  },
};

const appended: Sink<MetricEvent> = {
  name: 'metric.appended',
  folds: true,
  async write(queries, events) {
    const rows = events.map(({ guestId, type, at, from }) => ({
      guest_id: guestId,
      type,
      at: at.toISOString(),
      sender: from ?? null,
    }));
    await queries.query(INSERT, asTexts(rows, COLUMNS));
  },
};

export class PostgresMetricStore extends MetricStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  append(event: MetricEvent): Promise<void> {
    return this.work.collect(appended, keyOf(event.guestId), event);
  }

  async removeAll(guestId: string): Promise<void> {
    if (UUID.test(guestId)) await this.work.collect(removed, keyOf(guestId), guestId);
  }

  async events(guestId: string): Promise<MetricEvent[]> {
    if (!UUID.test(guestId)) return [];
    const { rows } = await this.work.lookUp<Row>(keyOf(guestId), EVENTS, [guestId]);
    return rows.map(({ type, at, sender }) => ({ guestId, type, at, ...(sender === null ? {} : { from: sender }) }));
  }
}

const keyOf = (guestId: string): string => `metric:${guestId}`;
