import type { Intent } from '../../kernel/outbox.js';
import type { Erasure, Place } from './erasure.js';
import { ERASE_PLACE } from './guest.intents.js';

/** What may still be on its way has arrived by then, or never will. */
const ARRIVAL_MS = 30_000;

/** To erase in one place. Each by itself: one that cannot be reached holds up no other. */
export const intentOf = ({ id, erasedAt }: Erasure, place: Place): Intent => ({
  topic: ERASE_PLACE,
  subject: `${id}/${place.name}`,
  payload: { erasureId: id, place: place.name },
  ...(place.isUnderWay ? { dueAt: new Date(erasedAt!.getTime() + ARRIVAL_MS) } : {}),
});
