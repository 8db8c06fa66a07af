import { fdatasyncSync } from 'node:fs';
import { NodeFS } from './pglite.js';

/** Emscripten's (that is WASI's) number for an I/O error. PostgreSQL panics when fsync answers it. */
const EIO = 29;

type SyncedStream = { readonly nfd: number };
type NodeFsType = { readonly stream_ops: { fsync?: (stream: SyncedStream) => number } };
type Runtime = { readonly NODEFS?: NodeFsType; readonly FS: { readonly filesystems: { readonly NODEFS: NodeFsType } } };

/**
 * A directory on disk whose fsync reaches the disk. PGlite's own never does: it answers success and does nothing, so that a power cut
 * loses what was acknowledged (electric-sql/pglite#1107).
 */
export class DurableNodeFS extends NodeFS {
  /** How often something was brought to disk. Grows with every commit, or durability is lost. */
  syncs = 0;
  /** Set when the disk refused, or is somebody else's now. What it holds is unknown from then on, so nothing more may be answered. */
  failure: Error | undefined;

  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const options = await super.init(...args);
    const patch = (runtime: unknown): void => {
      const { NODEFS, FS } = runtime as Runtime;
      (NODEFS ?? FS.filesystems.NODEFS).stream_ops.fsync = (stream) => this.sync(stream);
    };
    (options.emscriptenOpts.preRun ??= []).push(patch);
    return options;
  }

  /** Returns when the disk has what was written. */
  protected reach(file: number): void {
    fdatasyncSync(file);
  }

  private sync(stream: SyncedStream): number {
    if (this.failure !== undefined) return EIO;
    try {
      this.reach(stream.nfd);
      this.syncs++;
      return 0;
    } catch (error) {
      this.failure = new Error('the disk refused to keep what was written', { cause: error });
      return EIO;
    }
  }
}
