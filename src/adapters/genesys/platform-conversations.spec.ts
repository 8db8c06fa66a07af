import { conversationsContract } from '../../modules/guest/ports/conversations.contract.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { openConversations, platformConversations, settingsOf } from './genesys-lab.contract.js';

describe('PlatformConversations', () => {
  conversationsContract(openConversations);

  describe('whatever Genesys leaves out or adds', () => {
    let lab: Lab;
    beforeAll(async () => void (lab = await Lab.open()));
    afterAll(() => lab.close());

    const read = async (answer: object) => {
      await lab.fault('genesys', '/conversations/messages/', { status: 200, body: answer });
      return platformConversations(settingsOf(lab)).read('a-conversation');
    };

    it('reads who is in the conversation, as far as it is said', async () => {
      const at = '2026-03-01T12:00:00.000Z';
      const text = (messageId: string) => ({ messageId, messageTime: at, messageMetadata: { type: 'Text' } });
      const participants = [
        { id: 'gone', purpose: 'customer', state: 'terminated' },
        { id: 'guest', purpose: 'customer', state: 'connected', messages: [text('a'), { messageId: 'b' }, {}] },
        { purpose: 'workflow', messages: [text('c'), { ...text('d'), messageMetadata: { type: 'Receipt' } }] },
        { purpose: 'user', messages: [text('e')], news: true },
        { state: 'none' },
      ];
      expect(await read({ participants })).toEqual({
        ...{ id: 'a-conversation', ended: false, participantId: 'guest', attributes: {} },
        messages: [
          { key: 'a', from: 'guest', at: new Date(at) },
          { key: 'c', from: 'bot', at: new Date(at) },
          { key: 'e', from: 'agent', at: new Date(at) },
        ],
      });
    });

    it('tells a session that ran out from a conversation that just ended', async () => {
      const guest = { id: 'guest', purpose: 'customer', state: 'disconnected' };
      const ended = async (disconnectType: string) => read({ participants: [{ ...guest, disconnectType }] });
      expect(await ended('session.expired')).toMatchObject({ ended: true, expired: true });
      for (const type of ['client', 'inactivity', 'peer']) expect((await ended(type))?.expired).toBeUndefined();
      expect((await ended('client'))?.ended).toBe(true);
    });

    it('asks again later when the guest is not shown yet', async () => {
      await expect(read({ participants: [{ id: 'flow', purpose: 'workflow' }] })).rejects.toMatchObject({
        kind: 'unavailable',
        code: 'genesys.no_guest_yet',
      });
      await expect(read({})).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('takes a message without a conversation for one that is not known yet', async () => {
      await lab.fault('genesys', '/details', { status: 200, body: { id: 'a-message', status: 'received' } });
      expect(await platformConversations(settingsOf(lab)).ofMessage('a-message')).toBeNull();
    });
  });
});
