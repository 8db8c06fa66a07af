import { Pending } from './pending.js';
import type { Sink } from './pending.js';
import type { Queries, Statement } from './statement.js';
import { StatementFailed } from './storage.errors.js';

/** Says what it was sent, and answers nothing until it is told to. */
class SilentQueries implements Queries {
  readonly sent: string[] = [];
  private readonly answers: (() => void)[] = [];

  constructor(private readonly refused: Readonly<Record<string, string>> = {}) {}

  query<R>({ name }: Statement): Promise<{ rows: R[]; count: number }> {
    this.sent.push(name);
    const code = this.refused[name];
    return new Promise((resolve, reject) =>
      this.answers.push(() =>
        code === undefined ? resolve({ rows: [], count: 0 }) : reject(new StatementFailed(name, code, undefined, '')),
      ),
    );
  }

  answerAll(): void {
    for (const answer of this.answers.splice(0)) answer();
  }
}

const sink = (name: string, ...statements: readonly string[]): Sink<unknown> => ({
  name,
  async write(queries) {
    await Promise.all(statements.map((one) => queries.query({ name: one, text: '' })));
  },
});

describe('what waits to be written', () => {
  const written = (...sinks: Sink<unknown>[]): Pending => {
    const pending = new Pending();
    for (const [n, one] of sinks.entries()) pending.add({ sink: one, key: `key ${n}`, row: n });
    return pending;
  };

  it('is sent at once, each sink as a whole and in the order of their names', async () => {
    const queries = new SilentQueries();
    const writing = written(sink('b', 'b1'), sink('a', 'a1', 'a2')).write(queries);
    expect(queries.sent).toEqual(['a1', 'a2', 'b1']);
    queries.answerAll();
    await writing;
  });

  it('is sent in turn when it is about the same', async () => {
    const queries = new SilentQueries();
    const pending = new Pending();
    for (const one of [sink('b', 'b1'), sink('a', 'a1')]) pending.add({ sink: one, key: 'same', row: null });
    const writing = pending.write(queries);
    expect(queries.sent).toEqual(['b1']);
    queries.answerAll();
    await new Promise(setImmediate);
    expect(queries.sent).toEqual(['b1', 'a1']);
    queries.answerAll();
    await writing;
  });

  it('fails by what went wrong, not by what was refused because of it', async () => {
    const queries = new SilentQueries({ a1: '26000', b1: '55P03', c1: '25P02' });
    const writing = written(sink('a', 'a1'), sink('b', 'b1'), sink('c', 'c1')).write(queries);
    queries.answerAll();
    await expect(writing).rejects.toMatchObject({ statement: 'b1', code: '55P03' });
  });
});
