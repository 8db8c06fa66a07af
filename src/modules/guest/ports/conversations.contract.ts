import { randomUUID } from 'node:crypto';
import { AppError } from '../../../kernel/app-error.js';
import { Conversations } from './conversations.js';
import { until } from './guest-channel.contract.js';

/** A conversation that was begun on the other side, and the ids of what was said in it. */
export type Begun = { readonly conversationId: string; readonly messageId: string };

export type ConversationsLab = {
  readonly conversations: Conversations;
  /** A guest begins a conversation with this text and these attributes. */
  begin(text: string, attributes?: Readonly<Record<string, string>>): Promise<Begun>;
  /** An agent, or the bot, speaks. */
  say(conversationId: string, text: string, from: 'agent' | 'bot'): Promise<void>;
  /** Whether it has ended, seen by an eye of its own. */
  hasEnded(conversationId: string): Promise<boolean>;
  reset(): Promise<void>;
  close(): Promise<void>;
};

/** What every `Conversations` promises, against a real other side. */
export function conversationsContract(openLab: () => Promise<ConversationsLab>): void {
  let lab: ConversationsLab;
  beforeAll(async () => void (lab = await openLab()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  it('finds the conversation of a message, once Genesys knows the message', async () => {
    const { conversationId, messageId } = await lab.begin('Hello');
    expect(await lab.conversations.ofMessage(messageId)).toBeNull();
    await until(async () => (await lab.conversations.ofMessage(messageId)) === conversationId);
  });

  it('knows nothing of a message that never was', async () => {
    expect(await lab.conversations.ofMessage(randomUUID().replaceAll('-', ''))).toBeNull();
  });

  it('reads who said how much, the texts alone, oldest first, under keys that stay', async () => {
    const { conversationId } = await lab.begin('I need help');
    await lab.say(conversationId, 'Let me see', 'bot');
    await lab.say(conversationId, 'I am Ann', 'agent');
    const view = await lab.conversations.read(conversationId);
    expect(view).toMatchObject({ id: conversationId, ended: false });
    expect(view!.messages.map(({ from }) => from)).toEqual(expect.arrayContaining(['guest', 'bot', 'agent']));
    const times = view!.messages.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const again = await lab.conversations.read(conversationId);
    expect(again!.messages.map(({ key }) => key)).toEqual(expect.arrayContaining(view!.messages.map(({ key }) => key)));
    expect(new Set(view!.messages.map(({ key }) => key)).size).toBe(view!.messages.length);
  });

  it('knows nothing of a conversation that is not there any more', async () => {
    expect(await lab.conversations.read(randomUUID())).toBeNull();
  });

  it('sets participant data by name and leaves the rest; doing it again changes nothing', async () => {
    const { conversationId } = await lab.begin('Hello', { source: 'website', locale: 'en' });
    const { participantId } = (await lab.conversations.read(conversationId))!;
    const never = async (): Promise<boolean> => false;
    const withheld = lab.conversations.setAttributes(conversationId, participantId, { locale: 'xx', x: 'y' }, never);
    await expect(withheld).rejects.toMatchObject({ code: 'consent.required' });
    for (let times = 0; times < 2; times++)
      await lab.conversations.setAttributes(conversationId, participantId, { locale: 'de', interactions: '3' });
    expect((await lab.conversations.read(conversationId))!.attributes).toEqual({
      ...{ source: 'website', locale: 'de', interactions: '3' },
    });
  });

  it('refuses to set data in a conversation that is not there', async () => {
    const setting = lab.conversations.setAttributes(randomUUID(), randomUUID(), { locale: 'de' });
    await expect(setting).rejects.toBeInstanceOf(AppError);
    await expect(setting).rejects.toMatchObject({ kind: 'refused' });
  });

  it('ends a conversation for everybody; one that has ended, or is gone, stays so without complaint', async () => {
    const { conversationId } = await lab.begin('Hello');
    await lab.conversations.disconnect(conversationId);
    expect(await lab.hasEnded(conversationId)).toBe(true);
    expect(await lab.conversations.read(conversationId)).toMatchObject({ ended: true });
    await lab.conversations.disconnect(conversationId);
    await lab.conversations.disconnect(randomUUID());
  });

  it('answers a ping', async () => {
    await lab.conversations.ping();
  });
}
