/** One thing the other side received: an HTTP request, a WebSocket handshake or one WebSocket frame. */
export type ReceivedRequest = {
  readonly at: string;
  readonly target: string;
  /** The HTTP method, or `WS` for a frame. */
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Known only once it has been read. */
  body: unknown;
  /** For a frame: which connection it came in by, counted from 1. */
  readonly connection?: number;
};

const MOST_REQUESTS = 50_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Everything received, oldest first. The newest are kept; memory is bounded by number and by size. */
export class RequestLog {
  private entries: { readonly request: ReceivedRequest; readonly bytes: number }[] = [];
  private oldest = 0;
  private bytes = 0;

  /** Adds what has come in; `bytes` is about how large its body is. */
  add(request: ReceivedRequest, bytes: number): ReceivedRequest {
    this.entries.push({ request, bytes });
    this.bytes += bytes;
    this.trim();
    return request;
  }

  list(): ReceivedRequest[] {
    return this.entries.slice(this.oldest).map((entry) => entry.request);
  }

  clear(): void {
    this.entries = [];
    this.oldest = 0;
    this.bytes = 0;
  }

  private trim(): void {
    while (this.entries.length - this.oldest > MOST_REQUESTS || this.bytes > MOST_BYTES) {
      this.bytes -= this.entries[this.oldest]?.bytes ?? 0;
      this.oldest += 1;
    }
    // Taking from the front of a long array moves all of it, so the space is given back in large pieces.
    if (this.oldest > 10_000) {
      this.entries = this.entries.slice(this.oldest);
      this.oldest = 0;
    }
  }
}
