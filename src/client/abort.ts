import { GuestAbortedError } from './errors.js';

/** What a call whose signal was given fails with. */
export const aborted = ({ reason }: AbortSignal): GuestAbortedError =>
  new GuestAbortedError('client.aborted', 0, 'The call was aborted.', null, reason);

/** The same as `work`, unless the signal is given first. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let abort = (): void => {};
  const end = new Promise<never>((_, reject) => (abort = () => reject(aborted(signal))));
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, end]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Ends early when the signal is given; whoever waits looks at it afterwards. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
