import { aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab } from './genesys-lab.contract.js';

describe('A guest session, however its organisation is set and its connections fare', () => {
  let lab: GenesysLab;
  const process = (): Listener => new Listener(lab.channel());
  const set = (what: 'deployment' | 'organization', settings: object) =>
    lab.other.http('PATCH', `/sandbox/genesys/${what}`, settings);

  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  async function opened() {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    const [conversation] = await lab.conversations();
    return { listener, session, conversationId: conversation!.id };
  }

  it.each([
    ['another', 'new', 2],
    ['the same', 'same', 1],
  ])('goes on in %s conversation after an agent ended it, as messages thread', async (_which, threading, count) => {
    await set('deployment', { threading });
    const { listener, session, conversationId } = await opened();
    await lab.disconnect(conversationId);
    await until(() => listener.of('conversation-ended').length);
    await listener.channel.send(session, aText('Once more'), {});
    const known = await lab.conversations();
    expect(known).toHaveLength(count);
    expect(known.at(-1)).toMatchObject({ ended: false, guestTexts: ['Once more'] });
    await lab.say(known.at(-1)!.id, 'And I am here again');
    await until(() => listener.texts().includes('And I am here again'));
  });

  it.each([1000, 1001, 1011, undefined])('comes back on its own token after close code %s', async (closeCode) => {
    const { listener, session, conversationId } = await opened();
    const effect = closeCode === undefined ? { drop: true } : { drop: true, closeCode };
    await lab.other.fault('genesys', 'websocket', effect);
    await lab.say(conversationId, 'While you were away');
    await until(() => listener.texts().includes('While you were away'));
    expect(listener.channel.held()).toEqual([session.guestId]);
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('hears what goes to every connection of the guest once, and what the guest says elsewhere too', async () => {
    const { listener, session, conversationId } = await opened();
    const elsewhere = await lab.other.configured(session.token);
    await lab.other.fault('genesys', 'websocket', { duplicate: true }, 2);
    await elsewhere.say('From my other window');
    await lab.say(conversationId, 'To all your windows');
    await until(() => listener.texts().includes('To all your windows'));
    await elsewhere.heard(({ body }) => body.text === 'To all your windows');
    await lab.say(conversationId, 'The end');
    await until(() => listener.texts().includes('The end'));
    for (const text of ['From my other window', 'To all your windows'])
      expect(listener.texts().filter((each) => each === text)).toEqual([text]);
  });

  it('goes on without history while the session has no reads of it left', async () => {
    await set('organization', { limits: { historyReadsPerSessionPerMinute: 1 } });
    const { listener, session, conversationId } = await opened();
    for (let broken = 1; broken <= 2; broken += 1) {
      await lab.breakSockets();
      await until(() => listener.channel.send(session, aText(`Still here ${broken}`), {}).catch(() => null));
    }
    await lab.say(conversationId, 'So am I');
    const isRead = ({ path }: { readonly path: string }) => path.includes('/webmessaging/messages');
    await until(async () => (await lab.other.requests()).filter(isRead).length > 1);
    expect((await lab.conversations())[0]?.guestTexts).toEqual(['Still here 1', 'Still here 2']);
  });
});
