import type { Storage } from '../../src/adapters/storage/storage.js';
import type { EventName, Subject } from '../../src/modules/audit/audit.js';

/** What the trail says of somebody, oldest first. */
export const trailOf = async (storage: Storage, subject: Subject) =>
  (await storage.audit.list({ subject, limit: 500 })).items.map(
    ({ body }) => JSON.parse(body) as { readonly event: EventName; readonly changes: Record<string, unknown> },
  );

/** The same by the names of what happened alone. */
export const eventsOf = async (storage: Storage, subject: Subject): Promise<EventName[]> =>
  (await trailOf(storage, subject)).map(({ event }) => event);
