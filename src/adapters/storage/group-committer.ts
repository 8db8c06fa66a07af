import { AsyncResource } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { AsyncVariable } from '../../kernel/async-variable.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import type { Connection, Database } from './database.js';
import type { Sink } from './pending.js';
import { AskTogether } from './ask-many.js';
import type { Foreseen } from './read-ahead.js';
import { SharedTransaction } from './shared-transaction.js';
import type { LookUp, Rows, Statement } from './statement.js';
import {
  ConnectionLost,
  isRace,
  storageBusy,
  storageClosed,
  storageUnavailable,
  unitTooLong,
  worthRepeating,
} from './storage.errors.js';
import { Uncertain, wasCommitted } from './uncertain.js';
import { Unit } from './unit.js';
import type { Outcome } from './unit.js';

export type CommitterOptions = {
  /** How many units at most share a transaction. */
  readonly batchSize?: number;
  /** How many units may wait before new ones are turned away. */
  readonly queueSize?: number;
  /** How long a unit may take: everybody behind it waits. */
  readonly unitMs?: number;
};

type Member = {
  readonly work: () => Promise<unknown>;
  readonly about: string | undefined;
  /** The caller's async context, so that the unit runs in the course of the caller's request. */
  readonly context: AsyncResource;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};

const ATTEMPTS = 4;
/** Somebody waits for an answer, and that the database is away is one. */
const PATIENCE_MS = 2_500;

/**
 * Units of work that arrive together run in turn on one connection and share one COMMIT, because bringing it to disk costs more than all they
 * write. Each is answered after that commit. If the transaction fails its members run again, each in one of its own, so that one that cannot
 * succeed fails alone.
 */
export class GroupCommitter extends UnitOfWork {
  private readonly logger = new Logger('storage');
  private readonly current = new AsyncVariable<Unit>();
  /** Batches belong to nobody's request. */
  private readonly context = new AsyncResource('GroupCommitter');
  private readonly foreseen: Foreseen[] = [];
  private readonly waiting: Member[] = [];
  private working: Promise<void> | undefined;
  private closed = false;
  private readonly together: AskTogether;
  private readonly batchSize: number;
  private readonly queueSize: number;
  private readonly unitMs: number;

  constructor(
    private readonly database: Database,
    { batchSize = 64, queueSize = 10_000, unitMs = 10_000 }: CommitterOptions = {},
  ) {
    super();
    this.batchSize = batchSize;
    this.queueSize = queueSize;
    this.unitMs = unitMs;
    this.together = new AskTogether(database);
    database.guards.push(() => {
      if (this.isInUnit)
        throw new Error(
          'Inside a unit of work ask the unit, not the pool: a read there would not see what the unit wrote.',
        );
    });
  }

  /** Has `look` read for all units of a batch together, where they say whom they are about. */
  foresee(look: Foreseen): void {
    this.foreseen.push(look);
  }

  run<T>(work: () => Promise<T>, about?: string): Promise<T> {
    const unit = this.current.get();
    if (unit !== undefined) {
      unit.assertRunning();
      return work();
    }
    if (this.closed) return Promise.reject(storageClosed());
    if (this.waiting.length >= this.queueSize) return Promise.reject(storageBusy());
    return new Promise<T>((resolve, reject) => {
      const context = new AsyncResource('UnitOfWork');
      this.waiting.push({ work, about, context, resolve: resolve as Member['resolve'], reject });
      this.working ??= this.context.runInAsyncScope(() => this.workOff());
    });
  }

  afterCommit(then: () => void): void {
    const unit = this.current.get();
    if (unit === undefined) return then();
    unit.assertRunning();
    unit.afterCommit.push(then);
  }

  /** Whether the caller is inside a unit. */
  get isInUnit(): boolean {
    return this.current.get() !== undefined;
  }

  /** A statement of the current unit, which sees what the unit wrote; a plain read when there is none. */
  query<R>(statement: Statement, values: readonly unknown[] = []): Promise<Rows<R>> {
    return this.current.get()?.query<R>(statement, values) ?? this.database.query<R>(statement, values);
  }

  /** A read of what rows collected under `key` are about; see `Unit.lookUp`. */
  lookUp<R>(key: string, statement: Statement, values: readonly unknown[]): Promise<Rows<R>> {
    return this.current.get()?.lookUp<R>(key, statement, values) ?? this.database.query<R>(statement, values);
  }

  /** The same by id: what was read ahead need not be asked again, and what many ask at once is asked together. */
  lookUpById<R>(key: string, lookUp: LookUp, id: string): Promise<Rows<R>> {
    return this.current.get()?.lookUp<R>(key, lookUp, [id]) ?? this.together.ask<R>(lookUp, id);
  }

  /** Has a row written before the current unit commits, together with those of other units; a unit of its own when there is none. */
  async collect<Row>(sink: Sink<Row>, key: string, row: Row): Promise<void> {
    const unit = this.current.get();
    if (unit === undefined) return this.run(() => this.collect(sink, key, row));
    unit.collect({ sink, key, row });
  }

  /** Something kept for the time of the current unit; made anew when there is none. */
  memo<T>(name: string, make: () => T): T {
    const memo = this.current.get()?.memo;
    if (memo === undefined) return make();
    if (!memo.has(name)) memo.set(name, make());
    return memo.get(name) as T;
  }

  remember(name: string, value: unknown): void {
    this.current.get()?.memo.set(name, value);
  }

  /** Takes no more units and waits for those it has. */
  async close(): Promise<void> {
    this.closed = true;
    await this.working;
  }

  private async workOff(): Promise<void> {
    do {
      await this.gather();
      const members = this.waiting.splice(0, this.batchSize);
      await this.commitTogether(members).catch((error: unknown) => members.forEach((member) => member.reject(error)));
    } while (this.waiting.length > 0);
    this.working = undefined;
  }

  /** Reads, requests and timers get their turn. For as long as somebody arrives in it, more may be on their way: one commit serves them all. */
  private async gather(): Promise<void> {
    let known: number;
    do {
      known = this.waiting.length;
      await nextTurn();
    } while (this.waiting.length > known && this.waiting.length < this.batchSize);
  }

  private async commitTogether(members: readonly Member[], attempt = 1, since = Date.now()): Promise<void> {
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.transact(members);
    } catch (error) {
      return this.failed(members, attempt, since, error);
    }
    members.forEach((member, index) => this.settle(member, outcomes[index]!));
  }

  private async transact(members: readonly Member[]): Promise<readonly Outcome[]> {
    const connection = await this.database.connect();
    const transaction = new SharedTransaction(
      connection,
      members.length === 1,
      this.database.engine.name === 'postgres',
    );
    const outcomes: Outcome[] = [];
    try {
      const subjects = members.flatMap(({ about }) => about ?? []);
      if (subjects.length > 1) await transaction.readAhead(this.foreseen, subjects);
      for (const member of members) outcomes.push(await Unit.run(transaction, (unit) => this.start(member, unit)));
      await transaction.commit();
    } catch (error) {
      await leave(transaction, connection);
      if (error instanceof Uncertain && (await wasCommitted(this.database, error))) return outcomes;
      throw error;
    }
    connection.release();
    return outcomes;
  }

  private start({ work, context }: Member, unit: Unit): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const tooLong = (): void => reject(unitTooLong());
      const timer = setTimeout(tooLong, this.unitMs);
      context
        .runInAsyncScope(() => this.current.run(unit, async () => work()))
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /** The transaction of these members did not happen. */
  private async failed(members: readonly Member[], attempt: number, since: number, error: unknown): Promise<void> {
    const isAway = error instanceof ConnectionLost;
    if (!isAway && !(error instanceof Uncertain) && members.length > 1) {
      for (const member of members) {
        await this.commitTogether([member]);
        await nextTurn();
      }
      return;
    }
    const isInTime = attempt < ATTEMPTS && Date.now() - since < PATIENCE_MS;
    if ((isAway && isInTime) || (worthRepeating(error) && attempt < ATTEMPTS)) {
      await sleep(Math.random() * 25 * 4 ** attempt);
      return this.commitTogether(members, attempt + 1, since);
    }
    // Whoever waits behind would only learn the same later.
    const refused = isAway ? [...members, ...this.waiting.splice(0)] : members;
    const reason = isAway || error instanceof Uncertain || isRace(error) ? storageUnavailable(error) : error;
    if (reason !== error) this.logger.error('units could not be committed', { units: refused.length, error });
    for (const member of refused) member.reject(reason);
  }

  private settle(member: Member, outcome: Outcome): void {
    if (!outcome.done) return member.reject(outcome.error);
    for (const then of outcome.unit.afterCommit) {
      try {
        then();
      } catch (error) {
        this.logger.error('a listener to commits failed', { error });
      }
    }
    member.resolve(outcome.value);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function leave(transaction: SharedTransaction, connection: Connection): Promise<void> {
  try {
    await transaction.rollBack();
    connection.release();
  } catch {
    connection.discard();
  }
}
