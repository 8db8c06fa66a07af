import { AsyncLocalStorage } from 'node:async_hooks';

/** What a course of calls carries: the innermost value first. */
type Frame = { readonly variable: AsyncVariable<unknown>; readonly value: unknown; readonly outer: Frame | undefined };

/** One for all variables: every promise there is pays for each `AsyncLocalStorage`. */
const frames = new AsyncLocalStorage<Frame>();

/** A value that follows a course of asynchronous calls; the part of TC39's `AsyncContext.Variable` that is needed here. */
export class AsyncVariable<T> {
  /** Does `work` with this value: it and all it begins will `get` it. */
  run<R>(value: T, work: () => R): R {
    return frames.run({ variable: this, value, outer: frames.getStore() }, work);
  }

  /** The value of the innermost `run`, if there is one. */
  get(): T | undefined {
    let frame = frames.getStore();
    while (frame !== undefined && frame.variable !== this) frame = frame.outer;
    return frame?.value as T | undefined;
  }
}
