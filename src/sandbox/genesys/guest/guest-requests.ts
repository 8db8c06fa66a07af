import { isObject, type JsonObject } from '../../json.js';
import { account } from '../account.js';
import { blockedExtensions, mediaOf, type DeploymentSettings } from '../deployment.js';
import type { Limits } from '../limits.js';
import { messageId32 } from '../message.js';
import type { Messaging, Taking } from '../messaging.js';
import type { GuestConnection } from './guest-connection.js';
import type { GuestFiles } from './guest-files.js';
import { GuestError, response, TooManyRequests, type Frame } from './guest-frames.js';
import { MAX_CUSTOM_DATA_BYTES, readMessage } from './guest-message.js';
import type { GuestSession } from './guest-session.js';
import type { GuestSessions } from './guest-sessions.js';
import type { GuestSignIns } from './guest-sign-ins.js';
import type { GuestTickets } from './guest-tickets.js';

type Answer = (connection: GuestConnection, frame: JsonObject, taking: Taking) => void;

/** Everything a guest may ask for on the socket, by the `action` of its frame. */
export class GuestRequests {
  private readonly answers: ReadonlyMap<unknown, Answer> = new Map<string, Answer>([
    ['configureSession', (connection, frame, taking) => this.configure(connection, frame, taking, false)],
    ['configureAuthenticatedSession', (connection, frame, taking) => this.signIn(connection, frame, taking)],
    ['onMessage', (connection, frame, taking) => this.message(connection, frame, taking)],
    ['echo', (connection, frame, taking) => this.echo(connection, frame, taking)],
    ['getJwt', (connection, frame, { tracingId }) => this.ticket(connection, frame, tracingId)],
    ['getConfiguration', (connection, frame, { tracingId }) => this.configuration(connection, frame, tracingId)],
    ['closeSession', (connection, frame, taking) => this.close(connection, frame, taking)],
    ['onAttachment', (connection, frame, taking) => this.file('announce', connection, frame, taking)],
    ['getAttachment', (connection, frame, taking) => this.file('locate', connection, frame, taking)],
    ['deleteAttachment', (connection, frame, taking) => this.file('remove', connection, frame, taking)],
  ]);

  constructor(
    private readonly sessions: GuestSessions,
    private readonly messaging: Messaging,
    private readonly tickets: GuestTickets,
    private readonly signIns: GuestSignIns,
    private readonly files: GuestFiles,
    private readonly settings: () => DeploymentSettings,
    private readonly limits: Limits,
  ) {}

  /** Answers one frame; throws what is to be answered as an error. */
  answer(connection: GuestConnection, frame: JsonObject, taking: Taking): void {
    const wait = connection.requests.take();
    if (wait > 0) throw new TooManyRequests(wait, 'Request rate too high for this connection');
    const answer = this.answers.get(frame['action']);
    if (answer === undefined) {
      if (typeof frame['action'] !== 'string') throw new GuestError(4020, 'Missing parameter: action');
      throw new GuestError(400, 'Unknown action.');
    }
    answer(connection, frame, taking);
  }

  private signIn(connection: GuestConnection, frame: JsonObject, taking: Taking): void {
    if (!this.settings().signIn) throw new GuestError(4000, 'Sign-in is not enabled on this deployment.');
    const { code } = isObject(frame['data']) ? frame['data'] : {};
    if (!this.signIns.isLive(code)) throw new GuestError(401, 'Unauthorized');
    this.configure(connection, frame, taking, true);
  }

  private configure(connection: GuestConnection, frame: JsonObject, { tracingId }: Taking, isSignedIn: boolean): void {
    const { token, deploymentId } = frame;
    if (typeof token !== 'string' || token === '') throw new GuestError(4020, 'Missing parameter: token');
    if (deploymentId === undefined) throw new GuestError(4020, 'Missing parameter: deploymentId');
    if (deploymentId !== account.deploymentId)
      throw new GuestError(400, 'The deployment is not the one of this connection.');
    if (!isSignedIn && this.sessions.find(token)?.isSignedIn === true)
      throw new GuestError(4017, 'Cannot downgrade to an unauthenticated session.');
    const { session, isNew } = this.sessionFor(connection, token, frame);
    session.isSignedIn = isSignedIn;
    if (connection.session !== session) {
      connection.leave();
      connection.session = session;
      session.connections.add(connection);
      this.closeOldest(session);
    }
    connection.send(sessionResponse(session, this.settings(), { connected: true, newSession: isNew }, tracingId));
  }

  private sessionFor(
    connection: GuestConnection,
    token: string,
    frame: JsonObject,
  ): { session: GuestSession; isNew: boolean } {
    const known = this.sessions.find(token);
    if (known?.isExpired) this.messaging.expire(known);
    if (this.sessions.isExpired(token)) throw new GuestError(4006, 'session expired');
    if (known !== undefined && frame['startNew'] !== true) return { session: known, isNew: false };
    if (known !== undefined) {
      known.conversation?.end('endpoint');
      this.messaging.dismiss(known, connection);
      this.sessions.forget(known);
    }
    const journeyContext = isObject(frame['journeyContext']) ? frame['journeyContext'] : null;
    return { session: this.sessions.begin(token, this.settings().sessionSeconds, journeyContext), isNew: true };
  }

  private closeOldest(session: GuestSession): void {
    const [oldest] = session.connections;
    if (oldest === undefined || session.connections.size <= this.limits.connectionsPerToken) return;
    oldest.dismiss();
  }

  private message(connection: GuestConnection, frame: JsonObject, taking: Taking): void {
    const session = this.sessionOf(connection, frame);
    const { autoStart, conversationClear, userTyping } = this.settings();
    const { intent, inbound } = readMessage(frame);
    if (intent === 'typing') {
      if (!userTyping) throw new GuestError(403, 'Turn on the Feature Toggle or fix the configuration.');
      return this.messaging.passOn(session, inbound, taking);
    }
    if (intent === 'clear') {
      if (!conversationClear) throw new GuestError(403, 'Presence events Conversation Clear are not supported');
      return this.messaging.clear(session, inbound, taking);
    }
    if (intent === 'join' && !autoStart)
      throw new GuestError(403, 'Presence events Conversation Join are not supported');
    if (session.readOnly) throw new GuestError(409, 'The conversation is read-only.');
    const wait = session.messageRate.take();
    if (wait > 0) throw new TooManyRequests(wait, 'Message rate too high for this session');
    const content = inbound.content === undefined ? {} : { content: this.files.fill(session, inbound.content) };
    this.messaging.hear(session, { ...inbound, ...content }, taking);
  }

  private echo(connection: GuestConnection, frame: JsonObject, { tracingId }: Taking): void {
    const session = this.sessionOf(connection, frame);
    const wait = connection.echoes.take();
    if (wait > 0) throw new TooManyRequests(wait, 'Health check rate too high for this connection');
    const message = isObject(frame['message']) ? frame['message'] : {};
    const body = {
      id: messageId32(),
      type: 'Text',
      direction: 'Inbound',
      text: typeof message['text'] === 'string' ? message['text'] : 'ping',
      metadata: { durationSeconds: String(session.durationSeconds), expirationDate: String(session.expirationDate) },
    };
    connection.send(response('StructuredMessage', body, tracingId));
  }

  private ticket(connection: GuestConnection, frame: JsonObject, tracingId: string | undefined): void {
    connection.send(response('JwtResponse', this.tickets.issue(this.sessionOf(connection, frame)), tracingId));
  }

  private configuration(connection: GuestConnection, frame: JsonObject, tracingId: string | undefined): void {
    const { durationSeconds } = this.sessionOf(connection, frame);
    const body = {
      allowedMedia: mediaOf(this.settings()),
      blockedExtensions,
      maxCustomDataBytes: MAX_CUSTOM_DATA_BYTES,
      messageRoutingEnabled: true,
      sessionDurationSeconds: durationSeconds,
    };
    connection.send(response('GetConfigurationResponse', body, tracingId));
  }

  /** Closes this connection, or all the others; then the caller's stays open, to begin anew on it. */
  private close(connection: GuestConnection, frame: JsonObject, { tracingId }: Taking): void {
    const session = this.sessionOf(connection, frame);
    if (frame['closeAllConnections'] === true) {
      this.messaging.dismiss(session, connection);
      connection.send(sessionResponse(session, this.settings(), { connected: false, newSession: false }, tracingId));
      return connection.leave();
    }
    connection.dismiss();
  }

  private file(
    wish: 'announce' | 'locate' | 'remove',
    connection: GuestConnection,
    frame: JsonObject,
    { tracingId }: Taking,
  ): void {
    connection.send(this.files[wish](this.sessionOf(connection, frame), frame, tracingId));
  }

  private sessionOf(connection: GuestConnection, frame: JsonObject): GuestSession {
    const { token } = frame;
    if (typeof token !== 'string' || token === '') throw new GuestError(4020, 'Missing parameter: token');
    if (this.sessions.isExpired(token)) throw new GuestError(4006, 'session expired');
    const { session } = connection;
    if (session === null) throw new GuestError(400, 'The first request must be configureSession.');
    if (session.token !== token) throw new GuestError(4007, 'session not found');
    if (session.isExpired) {
      this.messaging.expire(session);
      throw new GuestError(4006, 'session expired');
    }
    return session;
  }
}

/** The answer to whoever opens or leaves a session. */
function sessionResponse(
  session: GuestSession,
  settings: DeploymentSettings,
  flags: { readonly connected: boolean; readonly newSession: boolean },
  tracingId: string | undefined,
): Frame {
  const body = {
    ...flags,
    readOnly: session.readOnly,
    clearedExistingSession: false,
    allowedMedia: mediaOf(settings),
    blockedExtensions,
    maxCustomDataBytes: MAX_CUSTOM_DATA_BYTES,
    durationSeconds: session.durationSeconds,
    expirationDate: session.expirationDate,
  };
  return response('SessionResponse', body, tracingId);
}
