import type { Clock } from '../../kernel/clock.js';
import { answeredAgain, entered, failedOnce, Gate, newGate, toldToWait } from '../../kernel/gate.js';
import type { Ask, Entry } from '../../kernel/gate.js';
import { nobodyWent, passed } from '../../kernel/rates.js';
import type { Pass, Rate, RatesState } from '../../kernel/rates.js';
import type { GroupCommitter } from './group-committer.js';
import type { Statement } from './statement.js';

const LOCK: Statement = { name: 'gate.lock', text: 'select state from gate where name = $1 for update' };
const ADD: Statement = {
  name: 'gate.add',
  text: 'insert into gate (name, state) values ($1, $2) on conflict (name) do nothing',
};
const WRITE: Statement = { name: 'gate.write', text: 'update gate set state = $2 where name = $1' };

/** One row for each remote, locked for the moment of a decision. */
export class PostgresGate extends Gate {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  enter(name: string, ask: Ask): Promise<Entry> {
    return this.change(name, newGate, (state, now) => entered(state, ask, now));
  }

  told(name: string, waitMs: number): Promise<void> {
    return this.change(name, newGate, (state, now) => [toldToWait(state, waitMs, now), undefined]);
  }

  failed(name: string): Promise<void> {
    return this.change(name, newGate, (state, now) => [failedOnce(state, now), undefined]);
  }

  answered(name: string): Promise<void> {
    return this.change(name, newGate, (state) => [answeredAgain(state), undefined]);
  }

  pass(name: string, rates: readonly Rate[], wanted: number, arrived?: readonly number[]): Promise<Pass> {
    const fresh = (): RatesState => nobodyWent;
    return this.change(`${name} rates`, fresh, (state, now) => passed(state, rates, wanted, now, arrived));
  }

  private change<S, T>(
    name: string,
    fresh: (now: number) => S,
    to: (state: S, now: number) => readonly [S, T],
  ): Promise<T> {
    return this.work.run(async () => {
      const now = this.clock.now().getTime();
      const known = await this.locked(name, fresh(now));
      const [state, answer] = to(known, now);
      if (state !== known) await this.work.query(WRITE, [name, JSON.stringify(state)]);
      return answer;
    });
  }

  private async locked<S>(name: string, fresh: S): Promise<S> {
    const find = () => this.work.query<{ state: S }>(LOCK, [name]);
    const { rows } = await find();
    if (rows.length > 0) return rows[0]!.state;
    await this.work.query(ADD, [name, JSON.stringify(fresh)]);
    return (await find()).rows[0]!.state;
  }
}
