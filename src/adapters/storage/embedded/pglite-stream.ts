import { Duplex } from 'node:stream';
import type { PGlite } from './pglite.js';

/** Messages after which the server answers: Query, Sync, Flush, FunctionCall, CopyDone, CopyFail, password. */
const BARRIERS = new Set([...'QSHFcfp'].map((letter) => letter.charCodeAt(0)));
const TERMINATE = 'X'.charCodeAt(0);
/** Queries are answered on the event loop's own thread: after this long, everybody else gets a turn. */
const LONGEST_STRETCH_MS = 8;

/**
 * A "socket" on which `pg` speaks the PostgreSQL wire protocol to a PGlite in this process.
 *
 * Messages are handed over whole and only up to a barrier, as a server reads them. PGlite's own adapter for `pg` hands over every message by
 * itself, is answered too early after an error, and from then on gives a query another query's rows (electric-sql/pglite#958).
 */
export class PGliteStream extends Duplex {
  private buffered: Buffer = Buffer.alloc(0);
  private scanned = 0;
  private started = false;
  private stretchFrom = 0;

  /** `fault` says why nothing may be answered any more, if so. */
  constructor(
    private readonly database: PGlite,
    private readonly fault: () => Error | undefined = () => undefined,
  ) {
    super({ allowHalfOpen: false });
  }

  /** What `pg` calls instead of dialling. The session before may have left a transaction and prepared statements behind. */
  connect(): this {
    this.reset().then(
      () => this.emit('connect'),
      (error: Error) => this.destroy(error),
    );
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come.
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk]);
    const end = this.scan();
    if (end === 'terminate') {
      this.push(null);
      return done();
    }
    if (end === 0) return done();
    const messages = this.buffered.subarray(0, end);
    this.buffered = this.buffered.subarray(end);
    this.scanned -= end;
    this.exchange(messages).then(() => this.yieldNowAndThen(done), done);
  }

  /** What was sent while the database was at work goes to it together. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer', done);
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }

  /** How far the buffer holds whole messages up to a barrier. */
  private scan(): number | 'terminate' {
    let end = 0;
    for (;;) {
      // The first message, the start-up packet, has no type byte.
      const head = this.started ? 1 : 0;
      if (this.buffered.length < this.scanned + head + 4) return end;
      const length = this.buffered.readInt32BE(this.scanned + head) + head;
      if (this.buffered.length < this.scanned + length) return end;
      const type = this.started ? this.buffered[this.scanned]! : null;
      this.scanned += length;
      this.started = true;
      if (type === TERMINATE) return 'terminate';
      if (type === null || BARRIERS.has(type)) end = this.scanned;
    }
  }

  private async exchange(messages: Buffer): Promise<void> {
    const answers: Buffer[] = [];
    // The raw call that answers with one buffer also keeps every message it ever parsed; this one does not. The bytes it hands out
    // are a view into the database's memory, so they are copied.
    await this.database.execProtocolRawStream(messages, {
      syncToFs: false,
      onRawData: (bytes) => void answers.push(Buffer.from(bytes)),
    });
    const fault = this.fault();
    if (fault !== undefined) throw fault;
    if (answers.length > 0) this.push(answers.length === 1 ? answers[0] : Buffer.concat(answers));
  }

  private yieldNowAndThen(done: () => void): void {
    const now = performance.now();
    if (now - this.stretchFrom < LONGEST_STRETCH_MS) return done();
    setImmediate(() => {
      this.stretchFrom = performance.now();
      done();
    });
  }

  private async reset(): Promise<void> {
    await this.database.waitReady;
    const fault = this.fault();
    if (fault !== undefined) throw fault;
    await this.database.exec('rollback');
    await this.database.exec('discard all');
  }
}
