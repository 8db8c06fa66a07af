import type { LiveEvent } from './guest.js';

/** The events of a stream (WHATWG HTML §9.2.6) as they arrive. `alive` is called whenever anything does, also when it is no event. */
export async function* eventsIn(
  body: ReadableStream<Uint8Array>,
  alive: () => void,
): AsyncGenerator<LiveEvent, void, undefined> {
  // Not every browser can iterate over a stream.
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const { id, event, data } = fieldsOf(block);
        if (event && data) yield { ...(id && { id }), event, data: JSON.parse(data) as unknown } as LiveEvent;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

const fieldsOf = (block: string): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? ['', '']) as [string, string][],
  );
