import type { Endpoint, EventType } from './webhooks.js';

/**
 * Which endpoints listen to what, in memory, so that an event nobody listens to costs nothing. What this process changes is known here with
 * its commit; what others change, when it is read again.
 */
export class Listeners {
  private endpoints = new Map<string, Endpoint>();
  private byType = new Map<EventType, readonly string[]>();
  /** Grows with each change of ours, so that what was read before it is not taken for newer. */
  changes = 0;

  /** The ids of those that listen. */
  to(type: EventType): readonly string[] {
    return this.byType.get(type) ?? [];
  }

  /** Whether there is any endpoint to send to. */
  get isEmpty(): boolean {
    return this.byType.size === 0;
  }

  learn(endpoint: Endpoint): void {
    this.changes++;
    this.replace([...this.endpoints.values()].filter(({ id }) => id !== endpoint.id).concat(endpoint));
  }

  forget(id: string): void {
    this.changes++;
    this.replace([...this.endpoints.values()].filter((endpoint) => endpoint.id !== id));
  }

  replace(endpoints: readonly Endpoint[]): void {
    this.endpoints = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
    this.byType = new Map();
    for (const { id, events, disabled } of endpoints)
      if (disabled === null) for (const type of events) this.byType.set(type, [...this.to(type), id]);
  }
}
