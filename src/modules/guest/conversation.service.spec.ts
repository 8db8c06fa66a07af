import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { NoConversations } from '../../../test/builders/no-conversations.js';
import { eventsOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { ConversationService } from './conversation.service.js';
import type { Guest } from './guest.js';
import { GuestService } from './guest.service.js';
import { MessageService } from './message.service.js';
import type { ConversationView } from './ports/conversations.js';
import type { ChannelEvent } from './ports/guest-channel.js';

Logger.overrideLogger(false);

/** Genesys as far as linking can see it. */
class KnownConversations extends NoConversations {
  readonly views = new Map<string, ConversationView>();
  override async ofMessage(messageId: string): Promise<string | null> {
    return this.views.has(messageId) ? `c-${messageId}` : null;
  }
  override async read(conversationId: string): Promise<ConversationView | null> {
    return this.views.get(conversationId.slice(2)) ?? null;
  }
}

describe('what Genesys says of a guest', () => {
  let storage: TestStorage;
  let guests: GuestService;
  let messages: MessageService;
  let service: ConversationService;
  const genesys = new KnownConversations();

  beforeAll(async () => {
    storage = await openTestStorage();
    ({ guests, messages, told: service } = guestServices(storage, { conversations: genesys }));
  }, 60_000);
  afterAll(() => storage.close());

  const aGuest = (): Promise<Guest> => guests.create(wantedGuest());
  const said = (guestId: string, key: string, parts: object = {}): ChannelEvent => ({
    type: 'message',
    guestId,
    key,
    messageId: `m-${key}`,
    from: 'agent',
    text: `text of ${key}`,
    at: storage.clock.now(),
    ...parts,
  });

  it('counts each message once, however often and in whatever order it is heard', async () => {
    const { id } = await aGuest();
    const events = ['a', 'b', 'c', 'b', 'a', 'c', 'a'].map((key) => said(id, key));
    await Promise.all(events.map((event) => service.heard(event)));
    expect((await guests.get(id)).interactionCount).toBe(3);
    expect((await messages.list(id, undefined, 10)).items.map(({ text }) => text).sort()).toEqual([
      'text of a',
      'text of b',
      'text of c',
    ]);
  });

  it('knows its own message again, by its echo, by history and by the acceptance, and counts it once', async () => {
    const { id } = await aGuest();
    const { id: messageId } = await messages.send(id, 'mine');
    const echo = said(id, 'k1', { from: 'guest', sentAs: messageId });
    await service.heard(echo);
    await service.accepted(id, messageId, 'k1', storage.clock.now());
    await service.heard(said(id, 'k1', { from: 'guest' }));
    expect((await guests.get(id)).interactionCount).toBe(1);
    const { items } = await messages.list(id, undefined, 10);
    expect(items.map(({ text, status }) => [text, status])).toEqual([['mine', 'sent']]);
  });

  it('becomes one message when history shows it before its acceptance is known', async () => {
    const { id } = await aGuest();
    const { id: messageId } = await messages.send(id, 'mine');
    await service.heard(said(id, 'k1', { from: 'guest', text: 'mine' }));
    await service.accepted(id, messageId, 'k1', storage.clock.now());
    expect((await guests.get(id)).interactionCount).toBe(1);
    expect((await messages.list(id, undefined, 10)).items).toHaveLength(1);
  });

  it('recognises what it sent before it died in the history, like texts in their order', async () => {
    const { id } = await aGuest();
    const first = await messages.send(id, 'same');
    const second = await messages.send(id, 'same');
    await service.accepted(id, first.id, 'k1', storage.clock.now());
    await service.heard(said(id, 'k1', { from: 'guest', text: 'same' }));
    expect((await storage.messages.find(id, second.id))!.status).toBe('queued');
    await service.heard(said(id, 'k2', { from: 'guest', text: 'same' }));
    expect((await storage.messages.find(id, second.id))!.key).toBe('k2');
    expect((await guests.get(id)).interactionCount).toBe(2);
    expect((await messages.list(id, undefined, 10)).items).toHaveLength(2);
  });

  it('keeps the files of a message once, however often it is heard, and nothing of them in the clear', async () => {
    const { id } = await aGuest();
    const url = 'https://shyrka-prod.s3.amazonaws.com/a?signature=x';
    const attachments = [
      { id: 'not-a-uuid', fileName: 'order.pdf', mediaType: 'application/pdf', size: 5, url },
      { id: 'another', fileName: null, mediaType: null, size: null, url: null },
    ];
    const event = said(id, 'k1', { text: '', attachments });
    await Promise.all([service.heard(event), service.heard(event), service.heard(said(id, 'k1'))]);
    await service.heard(event);
    const { items } = await messages.list(id, undefined, 10);
    expect(items).toHaveLength(1);
    const ours = { status: 'received', messageId: items[0]!.id, guestId: id };
    expect(items[0]!.attachments).toMatchObject([
      { ...ours, size: 5, about: { fileName: 'order.pdf', mediaType: 'application/pdf' } },
      { ...ours, size: null, sealedSource: null, about: { fileName: 'file', mediaType: 'application/octet-stream' } },
    ]);
    const { rows } = await storage.database.engine.writes.query<Record<string, unknown>>(
      'select * from attachment where guest_id = $1',
      [id],
    );
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toMatch(/order|shyrka|signature|pdf|not-a-uuid/);
    await service.heard(said(id, 'k2', { from: 'guest', attachments: attachments.slice(0, 1) }));
    const mine = (await messages.list(id, undefined, 10)).items.find(({ from }) => from === 'guest');
    expect(mine!.attachments).toMatchObject([{ status: 'uploaded', messageId: mine!.id }]);
  });

  it('links a conversation once, and says so in the trail once', async () => {
    const { id } = await aGuest();
    genesys.views.set('m1', { id: 'c-m1', ended: false, participantId: 'p', attributes: {}, messages: [] });
    await service.link(id, 'm1', 1);
    await service.link(id, 'm1', 1);
    expect((await guests.get(id)).conversations).toEqual([{ id: 'c-m1', participantId: 'p', endedAt: null }]);
    expect((await eventsOf(storage, `guest:${id}`)).filter((event) => event === 'GUEST_LINKED')).toHaveLength(1);
  });

  it('remembers the message a conversation began with until that is found, and says so to nobody', async () => {
    const { id, version } = await aGuest();
    await service.heard({ type: 'joined', guestId: id, messageId: 'm-found' });
    expect(await guests.get(id)).toMatchObject({ version, beganWith: 'm-found' });
    await expect(service.link(id, 'm-found', 1)).rejects.toMatchObject({ code: 'genesys.message_unknown' });
    expect((await guests.get(id)).beganWith).toBe('m-found');
    const view = { id: 'c-m-found', participantId: 'p', ended: false, attributes: {}, messages: [] };
    genesys.views.set('m-found', view);
    await service.link(id, 'm-found', 2);
    expect(await guests.get(id)).toMatchObject({ beganWith: null, conversations: [{ id: 'c-m-found' }] });
    await service.heard({ type: 'joined', guestId: id, messageId: 'm-later' });
    expect((await guests.get(id)).beganWith).toBeNull();
  });

  it('waits for a message Genesys does not know yet, but not for ever', async () => {
    const { id } = await aGuest();
    await expect(service.link(id, 'unknown', 1)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(service.link(id, 'unknown', 99)).rejects.toMatchObject({ kind: 'refused' });
  });

  it('ends the guest with its session, for the reason there was, and gives the session up', async () => {
    const cleared = await aGuest();
    await service.heard({ type: 'session-ended', guestId: cleared.id, how: 'cleared' });
    expect(await guests.get(cleared.id)).toMatchObject({ state: 'closed', closeReason: 'guest_cleared' });
    expect(await storage.sessions.find(cleared.id)).toBeNull();

    const expired = await aGuest();
    await service.heard({ type: 'session-ended', guestId: expired.id, how: 'expired' });
    await service.heard({ type: 'session-ended', guestId: expired.id, how: 'cleared' });
    expect(await guests.get(expired.id)).toMatchObject({ state: 'expired', closeReason: 'session_expired' });
    expect(await eventsOf(storage, `guest:${expired.id}`)).toEqual(['GUEST_CREATED', 'GUEST_EXPIRED']);
  });

  it('is expired when linking shows that its session ran out meanwhile', async () => {
    const { id } = await aGuest();
    const view = { id: 'c-m9', participantId: 'p', attributes: {}, messages: [] };
    genesys.views.set('m9', { ...view, ended: true, expired: true });
    await service.link(id, 'm9', 1);
    expect(await guests.get(id)).toMatchObject({ state: 'expired', closeReason: 'session_expired' });
    expect(await storage.sessions.find(id)).toBeNull();
  });

  it('is not listened to any more once consent is withdrawn', async () => {
    const { id } = await aGuest();
    await guests.patch(id, { consent: { dataProcessing: false } }, { type: 'any' });
    await service.heard(said(id, 'late'));
    expect(await guests.get(id)).toMatchObject({ interactionCount: 0, beganWith: 'm-late' });
    expect((await messages.list(id, undefined, 10)).items).toEqual([]);
  });

  it('that refuses a start fails the guest, and that refuses an end closes it', async () => {
    const start = await aGuest();
    await service.refused(start.id, 'genesys.origin_refused');
    expect(await guests.get(start.id)).toMatchObject({ state: 'failed', closeReason: 'refused' });
    const end = await aGuest();
    await guests.close(end.id, { type: 'any' });
    await service.refused(end.id, 'genesys.origin_refused');
    expect(await guests.get(end.id)).toMatchObject({ state: 'closed', closeReason: 'refused' });
    expect(await storage.sessions.find(end.id)).toBeNull();
  });

  it('does not end the guest when another connection took its place', async () => {
    const { id } = await aGuest();
    await service.heard({ type: 'session-ended', guestId: id, how: 'superseded' });
    expect((await guests.get(id)).state).toBe('created');
  });
});
