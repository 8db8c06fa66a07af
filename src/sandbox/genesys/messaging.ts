import type { Faults } from '../faults.js';
import { Bot } from './bot.js';
import type { Conversation, EndedBy } from './conversation.js';
import type { Conversations } from './conversations.js';
import type { DeploymentSettings } from './deployment.js';
import type { SentFile } from './guest/attachments.js';
import type { GuestFiles } from './guest/guest-files.js';
import { event, structuredMessage, type Frame } from './guest/guest-frames.js';
import type { GuestSession, Line } from './guest/guest-session.js';
import type { GuestSessions } from './guest/guest-sessions.js';
import { inboundBody, outboundBody, presence, type Inbound, type Message } from './message.js';

/** How a guest's message is to be taken: its tracing id, and whether its echo is sent. */
export type Taking = { readonly tracingId: string | undefined; readonly acknowledge: boolean };

const SHUFFLE_MS = 200;
const TYPING_MS = 5_000;

/** Where guests and conversations meet: what the guest sends goes into a conversation, what is said there goes to the guest. */
export class Messaging {
  readonly bot: Bot;
  private held = new Map<GuestSession, Frame[]>();

  constructor(
    private readonly conversations: Conversations,
    private readonly sessions: GuestSessions,
    private readonly files: GuestFiles,
    private readonly faults: Faults,
    private readonly settings: () => DeploymentSettings,
    botDelayMs: number,
  ) {
    this.bot = new Bot(botDelayMs, (conversation, text) => this.speak(conversation, 'workflow', { text }));
  }

  /** Takes a text, a structured reply or a `Join`. Only these start a conversation; configuring a session does not. */
  hear(session: GuestSession, inbound: Inbound, taking: Taking): void {
    const before = session.conversation;
    const conversation = this.conversationFor(session);
    if (inbound.customAttributes !== null)
      conversation.mergeAttributes(conversation.customer, inbound.customAttributes);
    const { body } = this.conversations.keep(conversation, conversation.customer, inboundBody(inbound));
    session.touch();
    session.remember(body);
    if (taking.acknowledge) this.deliver(session, structuredMessage(body, taking.tracingId));
    if (body.type !== 'Event') this.bot.answer(conversation, body.text ?? '');
    else if (conversation !== before) this.bot.greet(conversation);
  }

  /** Typing is passed on and forgotten. */
  passOn(session: GuestSession, inbound: Inbound, taking: Taking): void {
    if (taking.acknowledge) session.broadcast(structuredMessage(inboundBody(inbound), taking.tracingId));
  }

  /** An agent or the bot says something; the guest has it in the history even when no socket is open. */
  speak(
    conversation: Conversation,
    purpose: 'agent' | 'workflow',
    { text, files = [] }: { readonly text?: string; readonly files?: readonly SentFile[] },
  ): Message {
    const participant = conversation.participant(purpose);
    const session = this.sessions.byNumber(conversation.sessionNumber);
    const content = session === undefined ? [] : this.files.give(session, files);
    const body = outboundBody(
      {
        ...{ type: 'Text', originatingEntity: purpose === 'agent' ? 'Human' : 'Bot' },
        ...(text === undefined ? {} : { text }),
        ...(content.length === 0 ? {} : { content }),
      },
      { nickname: participant.name },
    );
    const message = this.conversations.keep(conversation, participant, body);
    session?.remember(body);
    if (session !== undefined) this.deliver(session, structuredMessage(body));
    return message;
  }

  /** An agent or the bot types: open sockets are told, and it is in no history. */
  type(conversation: Conversation, purpose: 'agent' | 'workflow'): void {
    const participant = conversation.participant(purpose);
    const body = outboundBody(
      {
        type: 'Event',
        events: [{ eventType: 'Typing', typing: { type: 'On', duration: TYPING_MS } }],
        originatingEntity: purpose === 'agent' ? 'Human' : 'Bot',
      },
      { nickname: participant.name },
    );
    const session = this.sessions.byNumber(conversation.sessionNumber);
    if (session !== undefined) this.deliver(session, structuredMessage(body));
  }

  /** Ends a conversation from the platform's side. The guest is told if the deployment says so, and may go on unless it is read-only. */
  disconnect(conversation: Conversation, by: EndedBy): void {
    if (conversation.state === 'disconnected') return;
    conversation.end(by);
    const session = this.sessions.byNumber(conversation.sessionNumber);
    const { conversationDisconnect } = this.settings();
    if (session === undefined || session.conversation !== conversation || conversationDisconnect === 'Off') return;
    session.readOnly = conversationDisconnect === 'ReadOnly';
    const body = outboundBody({ type: 'Event', events: presence('Disconnect') }, { readOnly: session.readOnly });
    session.remember(body);
    this.deliver(session, structuredMessage(body));
  }

  /** The session a conversation belongs to, while there is one. */
  sessionOf(conversation: Conversation): GuestSession | null {
    return this.sessions.byNumber(conversation.sessionNumber) ?? null;
  }

  /** The guest ends it: the conversation, the session and every connection of it. */
  clear(session: GuestSession, inbound: Inbound, taking: Taking): void {
    session.conversation?.end('endpoint');
    this.sessions.forget(session);
    if (taking.acknowledge) session.broadcast(structuredMessage(inboundBody(inbound), taking.tracingId));
    session.broadcast(event('SessionClearedEvent'));
    this.dismiss(session);
  }

  /** The session's time is over, and with it whatever was going on in it. */
  expire(session: GuestSession): void {
    session.conversation?.end('session.expired');
    this.sessions.expire(session);
    session.broadcast(event('SessionExpiredEvent'));
    for (const connection of session.connections) connection.leave();
  }

  /** Closes the connections of a session, one of them excepted. */
  dismiss(session: GuestSession, except: Line | null = null): void {
    for (const connection of [...session.connections]) {
      if (connection !== except) connection.dismiss();
    }
  }

  /** Forgets what was about to happen. */
  clearPending(): void {
    this.bot.hush();
    this.held.clear();
  }

  private conversationFor(session: GuestSession): Conversation {
    const current = session.conversation;
    if (current?.state === 'connected') return current;
    if (current !== null && this.settings().threading === 'same') {
      current.resume();
      return current;
    }
    session.conversation = this.conversations.begin(session.number, session.journeyContext);
    return session.conversation;
  }

  private deliver(session: GuestSession, frame: Frame): void {
    const effect = this.faults.take('delivery', { target: 'genesys', operation: 'websocket', path: '/v1' });
    if (effect === null) return session.broadcast(frame);
    const frames = effect.duplicate ? [frame, frame] : [frame];
    if (effect.shuffle) return this.hold(session, frames);
    void this.faults.pause(effect.delayMs).then(() => frames.forEach((each) => session.broadcast(each)));
  }

  /** Frames held back are overtaken by those that are not, and come out last first. */
  private hold(session: GuestSession, frames: readonly Frame[]): void {
    const waiting = this.held.get(session);
    if (waiting !== undefined) return void waiting.push(...frames);
    const held = [...frames];
    this.held.set(session, held);
    void this.faults.pause(SHUFFLE_MS).then(() => {
      this.held.delete(session);
      for (const frame of held.toReversed()) session.broadcast(frame);
    });
  }
}
