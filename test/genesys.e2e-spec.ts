import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { pageWrites } from './support/page.js';
import { suiteService } from './support/service.js';

const { api, sandbox } = suiteService();

type Messages = { items: { text: string; from: string; status: string }[] };

const create = async (parts: Record<string, unknown> = {}) =>
  (await api.post<GuestAnswer>('/v1/guests', aBody(parts))).body;
const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean, ms?: number) =>
  until(async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted, ms);
const messagesWhen = (id: string, wanted: (items: Messages['items']) => boolean, ms?: number) =>
  until(async () => (await api.get<Messages>(`/v1/guests/${id}/messages`)).body.items, wanted, ms);
const customer = async (id: string) =>
  (await conversationOf(sandbox, id)).participants.find(({ purpose }) => purpose === 'customer')!;

describe('a server-led guest', () => {
  it('starts a conversation at Genesys that carries its id, and is linked to it', async () => {
    const { id } = await create({ attributes: { source: 'website' }, channelContext: { campaignId: 'WINTER-2024' } });
    const conversation = await conversationOf(sandbox, id);
    const guest = await guestWhen(id, ({ genesys }) => genesys.linked);
    expect(guest).toMatchObject({ state: 'active', genesys: { conversationIds: [conversation.id] } });
    expect((await customer(id)).attributes).toMatchObject({
      guestSessionId: id,
      source: 'website',
      campaignId: 'WINTER-2024',
    });
  });

  it('writes, is answered, and every message is counted once', async () => {
    const { id } = await create();
    await messagesWhen(id, (items) => items.length === 1);
    const sent = await api.post(`/v1/guests/${id}/messages`, { text: 'Where is my order?' });
    expect([sent.status, sent.body['status']]).toEqual([202, 'queued']);
    const { id: conversationId } = await conversationOf(sandbox, id);
    await messagesWhen(id, (items) => items.length === 3);
    await sandbox.post(`/genesys/conversations/${conversationId}/messages`, {
      from: 'agent',
      text: 'It is on its way.',
    });
    const items = await messagesWhen(id, (all) => all.length === 4);
    expect(items.map(({ from, status }) => [from, status])).toEqual([
      ['bot', 'received'],
      ['guest', 'sent'],
      ['bot', 'received'],
      ['agent', 'received'],
    ]);
    expect(items[3]!.text).toBe('It is on its way.');
    expect((await guestWhen(id, ({ interactionCount }) => interactionCount >= 4)).interactionCount).toBe(4);
    expect((await api.get(`/v1/guests/${id}/metrics`)).body).toMatchObject({ messageCount: 4, conversionFlag: false });
  });

  it('passes a change on as participant data, and blanks what was deleted', async () => {
    const { id } = await create({ attributes: { source: 'website' } });
    await guestWhen(id, ({ genesys }) => genesys.linked);
    await api.patch(`/v1/guests/${id}`, { attributes: { converted: 'true', source: null } }, { 'if-match': '*' });
    await until(
      async () => (await customer(id)).attributes,
      ({ converted, source, conversionFlag }) => converted === 'true' && source === '' && conversionFlag === 'true',
    );
  });

  it('is disconnected when an agent ends the conversation, and active again when the guest writes', async () => {
    const { id } = await create();
    await guestWhen(id, ({ genesys }) => genesys.linked);
    const first = await conversationOf(sandbox, id);
    await sandbox.post(`/genesys/conversations/${first.id}/disconnect`);
    expect((await guestWhen(id, ({ state }) => state === 'disconnected')).genesys.linked).toBe(false);
    await api.post(`/v1/guests/${id}/messages`, { text: 'One more thing' });
    const guest = await guestWhen(id, ({ genesys }) => genesys.linked);
    expect(guest.state).toBe('active');
    expect(guest.genesys.conversationIds).toHaveLength(2);
  });

  it('is ended at Genesys when it is closed', async () => {
    const { id } = await create();
    await guestWhen(id, ({ genesys }) => genesys.linked);
    await api.post(`/v1/guests/${id}/close`);
    expect(await guestWhen(id, ({ state }) => state === 'closed')).toMatchObject({ closeReason: 'api' });
    expect((await conversationOf(sandbox, id)).state).toBe('disconnected');
    const refused = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text: 'hello?' });
    expect([refused.status, refused.body.code]).toEqual([409, 'guest.closed']);
  });

  it('says everything that was accepted before it is ended, and leaves nothing open behind it', async () => {
    const ids = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { id } = await create();
        await guestWhen(id, ({ genesys }) => genesys.linked);
        const sent = await api.post(`/v1/guests/${id}/messages`, { text: 'Goodbye' });
        expect([sent.status, (await api.post(`/v1/guests/${id}/close`)).status]).toEqual([202, 200]);
        return id;
      }),
    );
    for (const id of ids) {
      await guestWhen(id, ({ state }) => state === 'closed', 15_000);
      expect((await messagesWhen(id, () => true)).filter(({ text }) => text === 'Goodbye')).toMatchObject([
        { status: 'sent' },
      ]);
    }
    const open = (await sandbox.get<SandboxConversation[]>('/genesys/conversations')).body.filter(
      ({ state, participants }) =>
        state === 'connected' && participants.some(({ attributes }) => ids.includes(attributes['guestSessionId']!)),
    );
    expect(open).toEqual([]);
  }, 30_000);

  it('is told nothing more and listened to no more once consent is withdrawn', async () => {
    const { id } = await create();
    await guestWhen(id, ({ genesys }) => genesys.linked);
    const conversation = await conversationOf(sandbox, id);
    await messagesWhen(id, (items) => items.length === 1);
    await api.patch(
      `/v1/guests/${id}`,
      { consent: { dataProcessing: false }, attributes: { locale: 'de' } },
      { 'if-match': '*' },
    );
    await sandbox.post(`/genesys/conversations/${conversation.id}/messages`, { from: 'agent', text: 'Hello?' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await customer(id)).attributes['locale']).toBeUndefined();
    expect((await messagesWhen(id, () => true)).map(({ from }) => from)).toEqual(['bot']);
    const refused = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text: 'x' });
    expect([refused.status, refused.body.code]).toEqual([403, 'consent.required']);
  });

  it('exists all the same while Genesys is down, and starts when it is back', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { status: 503 }, times: 1_000 });
    const { id, state } = await create();
    expect(state).toBe('created');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await sandbox.call('DELETE', '/faults');
    await guestWhen(id, ({ genesys }) => genesys.linked, 10_000);
  });

  it('loses and repeats no message when its socket drops', async () => {
    const { id } = await create();
    await guestWhen(id, ({ genesys }) => genesys.linked);
    const { id: conversationId } = await conversationOf(sandbox, id);
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { drop: true }, times: 1_000 });
    await sandbox.post(`/genesys/conversations/${conversationId}/messages`, { from: 'agent', text: 'Are you there?' });
    await api.post(`/v1/guests/${id}/messages`, { text: 'Still here' });
    const items = await messagesWhen(
      id,
      (all) => all.length === 4 && all.every(({ status }) => status !== 'queued'),
      15_000,
    );
    expect(
      items
        .map(({ text }) => text)
        .filter((text) => ['Are you there?', 'Still here'].includes(text))
        .sort(),
    ).toEqual(['Are you there?', 'Still here']);
    expect((await guestWhen(id, () => true)).interactionCount).toBe(4);
  }, 30_000);

  it('refuses a text Genesys would refuse, in bytes', async () => {
    const { id } = await create();
    const answer = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text: 'ä'.repeat(2_049) });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, '/text']);
  });
});

describe('a widget-led guest', () => {
  it('is linked by a message its page reports, and its messages are counted', async () => {
    const guest = await create({ mode: 'widget' });
    const messageId = await pageWrites(sandbox, guest, 'hello from the page');
    expect((await api.post(`/v1/guests/${guest.id}/link`, { messageId })).status).toBe(202);
    const linked = await guestWhen(guest.id, ({ genesys }) => genesys.linked);
    expect(linked.state).toBe('active');
    expect(
      (await guestWhen(guest.id, ({ interactionCount }) => interactionCount >= 1)).interactionCount,
    ).toBeGreaterThanOrEqual(1);
    await api.patch(`/v1/guests/${guest.id}`, { attributes: { locale: 'de' } }, { 'if-match': '*' });
    await until(
      async () => (await customer(guest.id)).attributes,
      ({ locale }) => locale === 'de',
    );
  });

  it('is not linked to a conversation that does not carry its signature', async () => {
    const [mine, theirs] = [await create({ mode: 'widget' }), await create({ mode: 'widget' })];
    const forged = { ...theirs.genesys.widget!.customAttributes, guestSessionId: mine.id };
    const messageId = await pageWrites(sandbox, mine, 'I am somebody else', forged);
    await api.post(`/v1/guests/${mine.id}/link`, { messageId });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await guestWhen(mine.id, () => true)).genesys.linked).toBe(false);
  });

  it('is ended by the organisation when it is closed', async () => {
    const guest = await create({ mode: 'widget' });
    const messageId = await pageWrites(sandbox, guest, 'hello');
    await api.post(`/v1/guests/${guest.id}/link`, { messageId });
    await guestWhen(guest.id, ({ genesys }) => genesys.linked);
    await api.post(`/v1/guests/${guest.id}/close`);
    await guestWhen(guest.id, ({ state }) => state === 'closed');
    expect((await conversationOf(sandbox, guest.id)).state).toBe('disconnected');
  });

  it('that is closed before it is linked is ended when it is', async () => {
    const guest = await create({ mode: 'widget' });
    const messageId = await pageWrites(sandbox, guest, 'hello');
    await api.post(`/v1/guests/${guest.id}/close`);
    expect((await guestWhen(guest.id, () => true)).state).toBe('closing');
    await api.post(`/v1/guests/${guest.id}/link`, { messageId });
    await guestWhen(guest.id, ({ state }) => state === 'closed');
    expect((await conversationOf(sandbox, guest.id)).state).toBe('disconnected');
  });

  it('cannot be written for from here, nor a server-led one reported', async () => {
    const [widget, server] = [await create({ mode: 'widget' }), await create()];
    expect((await api.post<ProblemAnswer>(`/v1/guests/${widget.id}/messages`, { text: 'x' })).body.code).toBe(
      'guest.widget_led',
    );
    expect(
      (await api.post<ProblemAnswer>(`/v1/guests/${server.id}/link`, { messageId: 'a'.repeat(32) })).body.code,
    ).toBe('guest.server_led');
  });
});
