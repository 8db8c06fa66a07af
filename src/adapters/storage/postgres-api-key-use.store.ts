import { ApiKeyUseStore } from '../../http/api-key-use.store.js';
import type { GroupCommitter } from './group-committer.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

const SAVE: Statement = {
  name: 'api_key_use.save',
  text: `insert into api_key_use (name, used_at)
    select name, used_at from json_to_recordset($1) as row (name text, used_at timestamptz)
    on conflict (name) do update set used_at = greatest(api_key_use.used_at, excluded.used_at)`,
};
const ALL: Statement = { name: 'api_key_use.all', text: 'select name, used_at from api_key_use' };

export class PostgresApiKeyUseStore extends ApiKeyUseStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  async save(uses: ReadonlyMap<string, Date>): Promise<void> {
    // In one order, so that two processes never wait for each other.
    const rows = [...uses]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, at]) => ({ name, used_at: at.toISOString() }));
    if (rows.length > 0) await this.work.run(() => this.work.query(SAVE, [asJson(rows)]));
  }

  async all(): Promise<ReadonlyMap<string, Date>> {
    const { rows } = await this.work.query<{ readonly name: string; readonly used_at: Date }>(ALL);
    return new Map(rows.map(({ name, used_at }) => [name, used_at]));
  }
}
