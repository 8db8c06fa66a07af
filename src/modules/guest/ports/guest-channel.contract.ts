import { randomUUID } from 'node:crypto';
import { FILE_GONE, GuestChannel } from './guest-channel.js';
import type { ChannelEvent, ChannelSession, OutgoingFile, Typing } from './guest-channel.js';

/** What an eye of its own sees of a conversation on the other side. */
export type SeenConversation = {
  readonly id: string;
  readonly ended: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly guestTexts: readonly string[];
  /** Files the guest sent, with how many bytes arrived. */
  readonly guestFiles: readonly { readonly fileName: string; readonly bytes: number }[];
};

export type ChannelLab = {
  /** A channel as a process has it. Every call makes another: two are two processes. */
  channel(): GuestChannel;
  /** Those of the organisation, oldest first. */
  conversations(): Promise<readonly SeenConversation[]>;
  /** An agent speaks. */
  say(conversationId: string, text: string): Promise<void>;
  /** An agent sends a file. */
  give(conversationId: string, file: Omit<OutgoingFile, 'id'>): Promise<void>;
  /** The address under which a file is looked for next has run out. */
  runOut(): Promise<void>;
  /** An agent types. */
  type(conversationId: string): Promise<void>;
  /** How often the organisation was told that a guest types. */
  guestTypings(): Promise<number>;
  /** An agent ends it. */
  disconnect(conversationId: string): Promise<void>;
  /** Every open socket breaks. */
  breakSockets(): Promise<void>;
  /** The next message is accepted, and its sender never told. */
  loseAcknowledgement(): Promise<void>;
  /** What an administrator may switch: whether a conversation begins by itself, and whether guests may end it. */
  allow(what: { readonly autoStart?: boolean; readonly ending?: boolean }): Promise<void>;
  /** The other side is as on its first day; channels made before are gone. */
  reset(): Promise<void>;
  close(): Promise<void>;
};

/** A process: a channel, and whoever listens to it. */
export class Listener {
  readonly events: ChannelEvent[] = [];

  constructor(readonly channel: GuestChannel) {
    channel.listen(async (event) => void this.events.push(event));
  }

  of<T extends ChannelEvent['type']>(type: T): Extract<ChannelEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<ChannelEvent, { type: T }> => event.type === type);
  }

  texts(): string[] {
    return this.of('message').map(({ text }) => text);
  }
}

export const aSession = (): ChannelSession => ({ guestId: randomUUID(), token: randomUUID() });

export const aFile = (parts: Partial<OutgoingFile> = {}): OutgoingFile => ({
  ...{ id: randomUUID(), fileName: 'cat.png', mediaType: 'image/png', bytes: Buffer.from([0x89, 0x50, 0x00, 0xff]) },
  ...parts,
});

export const aText = (text: string, retry = false) => ({ id: randomUUID(), text, since: new Date(), retry });

/** Somebody who waits for all of a file. */
const NEVER_GONE = new AbortController().signal;

const wholeOf = async (bytes: AsyncGenerator<Uint8Array, void>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Looks again until it holds, for as long as a person would. */
export async function until<T>(look: () => T | Promise<T>, withinMs = 8_000): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > giveUpAt) throw new Error('it did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What every `GuestChannel` promises, against a real other side. */
export function guestChannelContract(openLab: () => Promise<ChannelLab>): void {
  let lab: ChannelLab;
  const process = (): Listener => new Listener(lab.channel());

  beforeAll(async () => void (lab = await openLab()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  it('begins a conversation when the deployment does so, with the attributes in it, and tells the way to it', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, { guestSessionId: session.guestId });
    await until(() => listener.of('joined').length);
    expect(listener.of('configured')).toEqual([{ type: 'configured', guestId: session.guestId }]);
    expect(await lab.conversations()).toMatchObject([
      { ended: false, attributes: { guestSessionId: session.guestId } },
    ]);
    expect([channel.held(), channel.joins()]).toEqual([[session.guestId], true]);
  });

  it('begins no conversation before the first text when the deployment does not; the attributes ride on it', async () => {
    await lab.allow({ autoStart: false });
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, { guestSessionId: session.guestId });
    await until(() => listener.of('configured').length);
    expect([await lab.conversations(), channel.joins()]).toEqual([[], false]);
    await channel.send(session, aText('Good morning'), { guestSessionId: session.guestId });
    expect(await lab.conversations()).toMatchObject([
      { guestTexts: ['Good morning'], attributes: { guestSessionId: session.guestId } },
    ]);
  });

  it('opens a session once however often it is asked, also at the same time', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await Promise.all([channel.open(session, {}), channel.open(session, {}), channel.open(session, {})]);
    await channel.open(session, {});
    await until(() => listener.of('joined').length);
    expect(listener.of('configured')).toHaveLength(1);
    expect(listener.of('joined')).toHaveLength(1);
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('sends a text and says by which key it is known from then on', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    const message = aText('Where is my order?');
    const { key } = await channel.send(session, message, {});
    const echo = await until(() => listener.of('message').find(({ from }) => from === 'guest'));
    expect(echo).toMatchObject({ key, sentAs: message.id, text: 'Where is my order?', guestId: session.guestId });
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Where is my order?'] }]);
  });

  it('changes attributes with the next text', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, { source: 'website' });
    await channel.send(session, aText('One'), { source: 'website', campaign: 'winter' });
    expect(await lab.conversations()).toMatchObject([{ attributes: { source: 'website', campaign: 'winter' } }]);
  });

  it('hears agents, in the order in which they spoke', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    const [conversation] = await lab.conversations();
    for (const text of ['First', 'Second', 'Third']) await lab.say(conversation!.id, text);
    const said = await until(() => {
      const fromAgent = listener.of('message').filter(({ from }) => from === 'agent');
      return fromAgent.length === 3 ? fromAgent : null;
    });
    expect(said.map(({ text }) => text)).toEqual(['First', 'Second', 'Third']);
    expect(new Set(said.map(({ key }) => key)).size).toBe(3);
  });

  it('hears when the other side ends the conversation; the guest may go on in another', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    const [conversation] = await lab.conversations();
    await lab.disconnect(conversation!.id);
    expect(await until(() => listener.of('conversation-ended')[0])).toMatchObject({ readOnly: false });
    await channel.send(session, aText('One more thing'), {});
    expect((await lab.conversations()).at(-1)).toMatchObject({ ended: false, guestTexts: ['One more thing'] });
  });

  it('waits with what comes next until the listener is done with what came before', async () => {
    const { channel } = process();
    let inHand = 0;
    let most = 0;
    const done: ChannelEvent[] = [];
    channel.listen(async (event) => {
      most = Math.max(most, ++inHand);
      await new Promise((resolve) => setTimeout(resolve, 30));
      inHand -= 1;
      done.push(event);
    });
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('A question'), {});
    await until(() => done.filter(({ type }) => type === 'message').length >= 2);
    expect(most).toBe(1);
  });

  it('offers an event again to a listener that failed to record it', async () => {
    const { channel } = process();
    const recorded: ChannelEvent[] = [];
    let failures = 2;
    channel.listen(async (event) => {
      if (event.type === 'message' && failures-- > 0) throw new Error('the database is away');
      recorded.push(event);
    });
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('Do not lose me'), {});
    await until(() => recorded.find((event) => event.type === 'message' && event.text === 'Do not lose me'));
  });

  it('finds the same session again after its socket broke, and what was said meanwhile, once', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('Before'), {});
    const [conversation] = await lab.conversations();
    await lab.breakSockets();
    await lab.say(conversation!.id, 'Are you still there?');
    await until(() => listener.texts().includes('Are you still there?'));
    await channel.send(session, aText('After'), {});
    await until(() => listener.texts().includes('After'));
    const texts = listener.texts();
    expect(new Set(texts).size).toBe(texts.length);
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Before', 'After'] }]);
    expect(listener.of('session-ended')).toEqual([]);
  });

  it('goes on in another process, which is told what was said so far by the same keys', async () => {
    const session = aSession();
    const first = process();
    await first.channel.open(session, {});
    await first.channel.send(session, aText('Hello'), {});
    await until(() => first.of('message').length >= 2);
    await first.channel.leave(session.guestId);
    const [conversation] = await lab.conversations();
    await lab.say(conversation!.id, 'While nobody listened');

    const second = process();
    await second.channel.open(session, {});
    await until(() => second.texts().includes('While nobody listened'));
    const keys = (listener: Listener) => listener.of('message').map(({ key }) => key);
    expect(keys(second)).toEqual(expect.arrayContaining(keys(first)));
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('does not say a text twice whose acknowledgement was lost', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    const message = aText('Please cancel my order');
    await lab.loseAcknowledgement();
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
    const { key } = await channel.send(session, { ...message, retry: true }, {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Please cancel my order'] }]);
    await lab.breakSockets();
    expect(await until(() => listener.of('message').find(({ from }) => from === 'guest'))).toMatchObject({ key });
  });

  it('nor when another process tries it again', async () => {
    const session = aSession();
    const message = aText('Please cancel my order');
    const first = process();
    await first.channel.open(session, {});
    await lab.loseAcknowledgement();
    await expect(first.channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
    await first.channel.leave(session.guestId);
    const second = process();
    await second.channel.send(session, { ...message, retry: true }, {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Please cancel my order'] }]);
  });

  it('says the same text twice when the guest said it twice', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    const first = await channel.send(session, aText('Yes'), {});
    const again = aText('Yes');
    await lab.loseAcknowledgement();
    await expect(channel.send(session, again, {})).rejects.toMatchObject({ kind: 'unavailable' });
    const second = await channel.send(session, { ...again, retry: true }, {});
    expect(second.key).not.toBe(first.key);
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Yes', 'Yes'] }]);
  });

  it('sends what an earlier attempt did not bring across', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('Never arrived before', true), {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Never arrived before'] }]);
  });

  it('brings files, however often they are tried, and sends them with a text and without', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    const [first, second] = [aFile(), aFile({ fileName: '€.pdf', mediaType: 'application/pdf' })];
    for (const file of [first, first, second]) await channel.upload(session, file);
    await channel.send(session, { ...aText('See here'), attachmentIds: [first.id] }, {});
    const silent = { ...aText(''), attachmentIds: [second.id] };
    const { key } = await channel.send(session, silent, {});
    const heard = await until(() => listener.of('message').find(({ sentAs }) => sentAs === silent.id));
    expect(heard).toMatchObject({ key, from: 'guest', text: '', attachments: [{ id: second.id }] });
    const [conversation] = await lab.conversations();
    expect(conversation!.guestFiles).toEqual(
      [first, second].map(({ fileName, bytes }) => ({ fileName, bytes: bytes.length })),
    );
  });

  it('does not send files twice whose acknowledgement was lost, nor takes one message for another', async () => {
    const { channel } = process();
    const session = aSession();
    const [file, other] = [aFile(), aFile()];
    await channel.upload(session, file);
    await channel.upload(session, other);
    await channel.send(session, { ...aText('Here'), attachmentIds: [other.id] }, {});
    const message = { ...aText('Here'), attachmentIds: [file.id] };
    await lab.loseAcknowledgement();
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
    await channel.send(session, { ...message, retry: true }, {});
    expect((await lab.conversations())[0]!.guestFiles).toHaveLength(2);
  });

  it('is refused files that are not taken, and messages whose files are not there', async () => {
    const { channel } = process();
    const session = aSession();
    for (const [file, code] of [
      [aFile({ fileName: 'run.exe' }), 'genesys.file_type'],
      [aFile({ fileName: 'noextension' }), 'genesys.file_name'],
      [aFile({ bytes: Buffer.alloc(0) }), 'genesys.file_size'],
    ] as const)
      await expect(channel.upload(session, file)).rejects.toMatchObject({ kind: 'refused', code });
    const lost = { ...aText('x'), attachmentIds: [aFile().id] };
    await expect(channel.send(session, lost, {})).rejects.toMatchObject({ kind: 'refused', code: 'genesys.file_gone' });
    await channel.send(session, aText('It goes on'), {});
  });

  it('hears of the files of an agent, live and in the history, and reads them from where they are said to be', async () => {
    const [first, second] = [process(), process()];
    const session = aSession();
    await first.channel.open(session, {});
    const file = { fileName: 'invoice of €.pdf', mediaType: 'application/pdf', bytes: Buffer.from([0, 1, 2, 0xff]) };
    await lab.give((await lab.conversations())[0]!.id, file);
    const heard = await until(() => first.of('message').find(({ from }) => from === 'agent'));
    const { fileName, mediaType, bytes } = file;
    const text = expect.any(String) as string;
    const attachment = { fileName, mediaType, size: bytes.length, id: text, url: text };
    expect(heard).toMatchObject({ text: '', attachments: [attachment] });
    await first.channel.leave(session.guestId);
    await second.channel.open({ ...session, resumed: true }, {});
    const again = await until(() => second.of('message').find(({ key }) => key === heard.key));
    expect(again.attachments).toEqual([{ ...heard.attachments![0]!, url: text }]);
    const { size, bytes: read } = await second.channel.download(again.attachments![0]!.url!, NEVER_GONE);
    expect([size, await wholeOf(read)]).toEqual([bytes.length, bytes]);
  });

  it('finds a file again when its address has run out, of either side, and not one that was never there', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    await lab.give((await lab.conversations())[0]!.id, aFile());
    const given = (await until(() => listener.of('message').find(({ from }) => from === 'agent'))).attachments![0]!;
    const mine = aFile({ bytes: Buffer.from('mine') });
    const { url } = await channel.upload(session, mine);
    expect(await wholeOf((await channel.download(url!, NEVER_GONE)).bytes)).toEqual(mine.bytes);
    for (const [file, known] of [[given, given.url!] as const, [mine, url!] as const]) {
      await lab.runOut();
      await expect(channel.download(known, NEVER_GONE)).rejects.toMatchObject({ kind: 'refused', code: FILE_GONE });
      const found = await channel.locate(session, file.id);
      expect(found.id).toBe(file.id);
      expect((await wholeOf((await channel.download(found.url, NEVER_GONE)).bytes)).length).toBeGreaterThan(0);
    }
    await expect(channel.locate(session, randomUUID())).rejects.toMatchObject({ kind: 'refused', code: FILE_GONE });
    await expect(channel.download(`${url!}x`, NEVER_GONE)).rejects.toMatchObject({ code: FILE_GONE });
  });

  it('reads files from nowhere but where Genesys has them', async () => {
    const { channel } = process();
    for (const url of ['http://127.0.0.1:1/downloads/a', 'https://example.com/a', 'file:///etc/passwd', 'nonsense', ''])
      await expect(channel.download(url, NEVER_GONE)).rejects.toMatchObject({
        ...{ kind: 'refused', code: 'genesys.file_host' },
      });
  });

  it('knows what files are taken, soon after it was asked first', async () => {
    const { channel } = process();
    expect(await until(() => channel.fileRules())).toEqual({
      ...{ isEnabled: true, modes: [{ types: ['*/*'], maxBytes: 10_240 * 1024 }] },
    });
  });

  it('refuses a text that is longer than Genesys takes, in bytes', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('é'.repeat(2_048)), {});
    await expect(channel.send(session, aText(`${'é'.repeat(2_048)}!`), {})).rejects.toMatchObject({ kind: 'refused' });
    expect((await lab.conversations())[0]!.guestTexts).toHaveLength(1);
  });

  it('ends the conversation as the guest would, and says that the session is over', async () => {
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    expect(await channel.end(session)).toBe('ended');
    expect(await lab.conversations()).toMatchObject([{ ended: true }]);
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'cleared' });
    await until(() => channel.held().length === 0);
  });

  it('ends a conversation whose session another process held', async () => {
    const session = aSession();
    const first = process();
    await first.channel.open(session, {});
    await first.channel.leave(session.guestId);
    expect(await process().channel.end(session)).toBe('ended');
    expect(await lab.conversations()).toMatchObject([{ ended: true }]);
  });

  it('has nothing to end where nothing began, and begins nothing for it', async () => {
    const { channel } = process();
    const session = aSession();
    expect(await channel.end(session)).toBe('nothing-to-end');
    expect(await lab.conversations()).toEqual([]);
    expect(channel.held()).toEqual([]);
    await lab.allow({ autoStart: false });
    await channel.open(session, {});
    expect(await channel.end(session)).toBe('nothing-to-end');
  });

  it('says so when the deployment does not let guests end conversations', async () => {
    await lab.allow({ ending: false });
    const { channel, ...listener } = listening(process());
    const session = aSession();
    await channel.open(session, {});
    expect(await channel.end(session)).toBe('unsupported');
    expect(await lab.conversations()).toMatchObject([{ ended: false }]);
    expect(listener.of('session-ended')).toEqual([]);
  });

  it('hears that the other side types, and counts it for nothing else', async () => {
    const { channel, ...listener } = listening(process());
    const typings: Typing[] = [];
    channel.onTyping((typing) => typings.push(typing));
    const session = aSession();
    await channel.open(session, {});
    await until(() => listener.of('message').length);
    const [conversation] = await lab.conversations();
    await lab.type(conversation!.id);
    await until(() => typings.length);
    expect(typings).toEqual([{ guestId: session.guestId, from: 'agent', durationMs: 5_000 }]);
    expect(listener.of('message')).toHaveLength(1);
  });

  it('says that the guest types, but no more often than is taken', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    for (let key = 0; key < 20; key++) channel.types(session.guestId);
    await until(() => lab.guestTypings());
    for (let key = 0; key < 20; key++) channel.types(session.guestId);
    await channel.send(session, aText('What I typed'), {});
    expect(await lab.guestTypings()).toBe(1);
    await until(async () => {
      channel.types(session.guestId);
      return (await lab.guestTypings()) === 2;
    });
  });

  it('forgets typing of a guest it does not hold, and of one whose conversation has not begun', async () => {
    await lab.allow({ autoStart: false });
    const { channel } = process();
    const session = aSession();
    channel.types(session.guestId);
    await channel.open(session, {});
    channel.types(session.guestId);
    await channel.send(session, aText('Hello'), {});
    expect(await lab.guestTypings()).toBe(0);
    await channel.leave(session.guestId);
    channel.types(session.guestId);
    expect(channel.held()).toEqual([]);
  });

  it('leaves a guest without ending anything', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await channel.leave(session.guestId);
    await channel.leave(session.guestId);
    expect(channel.held()).toEqual([]);
    expect(await lab.conversations()).toMatchObject([{ ended: false }]);
  });
}

/** So that a test may name what it uses: methods bound to the listener. */
const listening = (listener: Listener) => ({
  channel: listener.channel,
  of: listener.of.bind(listener),
  texts: listener.texts.bind(listener),
});
