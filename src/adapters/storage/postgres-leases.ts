import type { Clock } from '../../kernel/clock.js';
import { Leases } from '../../kernel/leases.js';
import type { GroupCommitter } from './group-committer.js';
import type { Statement } from './statement.js';

const TAKE: Statement = {
  name: 'lease.take',
  text: `insert into lease (name, holder, until) values ($1, $2, $4)
    on conflict (name) do update set holder = excluded.holder, until = excluded.until
      where lease.holder = excluded.holder or lease.until <= $3
    returning 1`,
};
const RELEASE: Statement = { name: 'lease.release', text: 'delete from lease where name = $1 and holder = $2' };

export class PostgresLeases extends Leases {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
    /** This process. */
    private readonly holder: string,
  ) {
    super();
  }

  async take(name: string, ms: number): Promise<boolean> {
    const now = this.clock.now();
    const until = new Date(now.getTime() + ms);
    const { count } = await this.work.run(() =>
      this.work.query(TAKE, [name, this.holder, now.toISOString(), until.toISOString()]),
    );
    return count > 0;
  }

  async release(name: string): Promise<void> {
    await this.work.run(() => this.work.query(RELEASE, [name, this.holder]));
  }
}
