/** How often a silent stream's reader is asked about, in milliseconds. */
const ASK_AGAIN_MS = 2_000;

/**
 * The events for as long as their reader may have them: asked before each, so that nothing is told after a revocation, and every
 * `ASK_AGAIN_MS`, when `end` is called to end a stream that has nothing to tell. One that cannot be asked about is asked about again.
 */
export async function* whileAllowed<T>(
  events: AsyncIterable<T>,
  isAllowed: () => Promise<boolean>,
  end: () => void,
): AsyncGenerator<T, void> {
  const asking = setInterval(() => {
    isAllowed().then(
      (allowed) => allowed || end(),
      () => undefined,
    );
  }, ASK_AGAIN_MS).unref();
  try {
    for await (const event of events) {
      if (!(await isAllowed())) return;
      yield event;
    }
  } finally {
    clearInterval(asking);
  }
}
