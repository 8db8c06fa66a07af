import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../kernel/app-error.js';
import { ConnectionLost } from './storage.errors.js';
import type { Queries, Statement } from './statement.js';

/** The connection broke during COMMIT, so nobody knows yet whether it happened. */
export class Uncertain extends Error {
  override readonly name = 'Uncertain';

  constructor(
    readonly transaction: string | undefined,
    cause: unknown,
  ) {
    super('the connection broke during commit', { cause });
  }
}

const STATUS: Statement = {
  name: 'transaction.status',
  text: 'select pg_xact_status($1::text::xid8) as status',
};

/**
 * Whether a transaction whose COMMIT was not answered happened after all: the server remembers.
 * @throws ConnectionLost when it certainly did not, Uncertain when there is no telling within seconds
 */
export async function wasCommitted(queries: Queries, uncertain: Uncertain): Promise<boolean> {
  for (let wait = 20; uncertain.transaction !== undefined && wait < 2_000; wait *= 2) {
    await sleep(wait);
    try {
      const { rows } = await queries.query<{ status: string | null }>(STATUS, [uncertain.transaction]);
      if (rows[0]?.status === 'committed') return true;
      if (rows[0]?.status === 'aborted') throw new ConnectionLost('the transaction was lost with its connection');
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
  throw uncertain;
}
