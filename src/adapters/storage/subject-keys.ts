import { AppError } from '../../kernel/app-error.js';
import { randomBytes } from '../../kernel/random.js';
import type { DataKeys } from './data-keys.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import type { LookUp, Statement } from './statement.js';
import { Overtaken } from './storage.errors.js';
import { asTexts, fromTexts } from './texts.js';

type Key = { readonly kid: string | null; readonly wrapped: string | null };
type Row = Key & { readonly subject: string };

const FIND: LookUp = {
  name: 'subject_key.find',
  text: 'select kid, wrapped from subject_key where subject = $1',
  many: {
    name: 'subject_key.find_many',
    text: 'select subject as id, kid, wrapped from subject_key where subject = any($1::text[])',
  },
};
const COLUMNS = ['subject', 'kid', 'wrapped'] as const;
const INSERT: Statement = {
  name: 'subject_key.insert',
  text: `insert into subject_key (subject, kid, wrapped)
    select subject, kid, wrapped from ${fromTexts(COLUMNS)}
    on conflict (subject) do nothing`,
};
const HOLDING: Statement = {
  name: 'subject_key.holding',
  text: 'select subject from subject_key where subject = any($1::text[]) and kid is not null order by subject',
};
const DESTROY: Statement = {
  name: 'subject_key.destroy',
  text: `insert into subject_key (subject) select unnest($1::text[])
    on conflict (subject) do update set kid = null, wrapped = null`,
};

const made: Sink<Row> = {
  name: 'subject_key.made',
  async write(queries, rows) {
    const { count } = await queries.query(INSERT, asTexts(rows, COLUMNS));
    if (count !== rows.length) throw new Overtaken('a key was made by another transaction');
  },
};

const destroyed: Sink<string> = {
  name: 'subject_key.destroyed',
  async write(queries, subjects) {
    await queries.query(DESTROY, [subjects]);
  },
};

/** Says that a subject comes into being in this unit, so that it can have neither a key nor a chain yet, and none need be looked for. */
export function announceSubject(work: GroupCommitter, subject: string): void {
  work.remember(`new:${subject}`, true);
  work.remember(nameOf(subject), Promise.resolve(null));
}

/** Whether the subject came into being in this unit. */
export const isNewSubject = (work: GroupCommitter, subject: string): boolean =>
  work.memo(`new:${subject}`, () => false);

/** A destroyed key leaves a mark, so that it is told from one that never was, and is never made again. */
export type SubjectKey = Buffer | 'destroyed' | null;

/**
 * The keys of subjects, wrapped by the data keys. Keys of guests and of origins are kept no longer than a unit of work or a look-up lasts, because they may be
 * destroyed at any moment by any process; keys of the service itself are never destroyed and stay in memory.
 */
export class SubjectKeys {
  private readonly lasting = new Map<string, Buffer>();
  private readonly lookingUp = new Map<string, Promise<SubjectKey>>();

  constructor(
    private readonly work: GroupCommitter,
    private readonly dataKeys: DataKeys,
  ) {
    work.foresee({ lookUp: FIND, idOf: (subject) => subject, keyOf: nameOf });
  }

  async find(subject: string): Promise<SubjectKey> {
    const lasting = this.lasting.get(subject);
    if (lasting !== undefined) return lasting;
    if (this.work.isInUnit) return this.work.memo(nameOf(subject), () => this.look(subject));
    // Many who ask at once are answered by one look.
    const looking = this.lookingUp.get(subject) ?? this.look(subject).finally(() => this.lookingUp.delete(subject));
    this.lookingUp.set(subject, looking);
    return looking;
  }

  /** @throws AppError `storage.key_destroyed`: what is gone is gone for good */
  async findOrMake(subject: string): Promise<Buffer> {
    const key = await this.find(subject);
    if (key === 'destroyed')
      throw new AppError('conflict', 'storage.key_destroyed', 'The key of this subject was destroyed with its data.');
    if (key !== null) return key;
    // In a unit of its own it is looked for once more, because the unit is what is repeated if somebody else is quicker.
    return this.work.isInUnit ? this.make(subject) : this.work.run(() => this.findOrMake(subject));
  }

  async holding(subjects: readonly string[]): Promise<string[]> {
    const { rows } = await this.work.query<Pick<Row, 'subject'>>(HOLDING, [subjects]);
    return rows.map(({ subject }) => subject);
  }

  async destroy(subject: string): Promise<void> {
    if (!isDestroyable(subject)) throw new Error('keys of the service itself cannot be destroyed');
    await this.work.run(async () => {
      await this.work.collect(destroyed, nameOf(subject), subject);
      this.work.remember(nameOf(subject), Promise.resolve('destroyed'));
    });
  }

  private async make(subject: string): Promise<Buffer> {
    const key = randomBytes(32);
    this.work.remember(nameOf(subject), Promise.resolve(key));
    await this.work.collect(made, nameOf(subject), { subject, ...this.dataKeys.wrap(subject, key) });
    if (!isDestroyable(subject)) this.work.afterCommit(() => this.lasting.set(subject, key));
    return key;
  }

  private async look(subject: string): Promise<SubjectKey> {
    const { rows } = await this.work.lookUpById<Key>(nameOf(subject), FIND, subject);
    const row = rows[0];
    if (row === undefined) return null;
    if (row.kid === null || row.wrapped === null) return 'destroyed';
    const key = this.dataKeys.unwrap(subject, row.kid, row.wrapped);
    if (!isDestroyable(subject) && !this.work.isInUnit) this.lasting.set(subject, key);
    return key;
  }
}

const nameOf = (subject: string): string => `subject_key:${subject}`;
const isDestroyable = (subject: string): boolean => /^(guest|origins):/.test(subject);
