import { linkedConversation } from './guest.js';
import type { Conversation, Guest } from './guest.js';
import type { ConversationRecord } from './ports/conversation-records.js';

/** How long a guest is left alone at most. */
const LONGEST_MS = 6 * 3_600_000;

/** When a guest of whom nothing is heard is looked at next: the longer the silence, the rarer, because the less can have happened. */
export function nextLook(guest: Guest, silenceMs: number, now: Date): Date {
  const silent = now.getTime() - guest.modifiedDate.getTime();
  if (silent < silenceMs) return new Date(guest.modifiedDate.getTime() + silenceMs);
  return new Date(now.getTime() + Math.min(Math.max(silent, silenceMs), Math.max(LONGEST_MS, silenceMs)));
}

/** The conversation that says how a guest stands. Null when there was none. */
export const lastConversation = (guest: Guest): Conversation | null =>
  linkedConversation(guest) ?? guest.conversations.at(-1) ?? null;

/**
 * What is to be done about a guest's last conversation, given what is on record of it. `read`: only the conversation itself tells. `end`: it is over,
 * and nothing more can be learnt of it. Records are minutes behind, so that none is no sign that there is no conversation; and what is said to a page's own
 * Messenger nobody here hears.
 */
export function stepFor(
  { mode }: Pick<Guest, 'mode'>,
  { endedAt }: Conversation,
  record: ConversationRecord | undefined,
): 'read' | 'end' | 'nothing' {
  if (record === undefined) return endedAt === null ? 'read' : 'nothing';
  if (record.endedAt === null) return mode === 'widget' ? 'read' : 'nothing';
  if (endedAt !== null) return 'nothing';
  return mode === 'widget' ? 'read' : 'end';
}
