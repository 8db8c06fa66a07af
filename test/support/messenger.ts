import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import type { Client, GuestAnswer } from './client.js';

/** A page with the official Messenger, as far as Genesys can tell: one session, in which the guest writes what and when they like. */
export class Messenger {
  private readonly token = randomUUID();
  private constructor(
    private readonly socket: WebSocket,
    private readonly attributes: Record<string, string>,
  ) {}

  /** With what our answer handed the page, unless the visitor has put something else there. */
  static async open(
    sandbox: Client,
    guest: GuestAnswer,
    attributes = guest.genesys.widget!.customAttributes,
  ): Promise<Messenger> {
    const { genesys } = (await sandbox.get<{ genesys: { webmessagingUrl: string; origin: string } }>('')).body;
    const { deploymentId } = guest.genesys.widget!;
    const url = `${genesys.webmessagingUrl}/v1?deploymentId=${deploymentId}`;
    const messenger = new Messenger(new WebSocket(url, { origin: genesys.origin }), attributes);
    await new Promise((resolve, reject) => messenger.socket.once('open', resolve).once('error', reject));
    // The visitor, by a cookie of Genesys's own.
    const journeyContext = { customer: { id: randomUUID(), idType: 'cookie' } };
    await messenger.ask(
      { action: 'configureSession', deploymentId, journeyContext },
      ({ class: name }) => name === 'SessionResponse',
    );
    return messenger;
  }

  /** The id of the message, as the page sees it. */
  async say(text: string): Promise<string> {
    const tracingId = randomUUID();
    const message = { type: 'Text', text, channel: { metadata: { customAttributes: this.attributes } } };
    const frame = await this.ask({ action: 'onMessage', tracingId, message }, (each) => each.tracingId === tracingId);
    return frame.body.id;
  }

  close(): void {
    this.socket.terminate();
  }

  private ask(request: object, isAnswer: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => {
      const hear = (data: Buffer): void => {
        const frame = JSON.parse(String(data)) as Frame;
        if (!isAnswer(frame)) return;
        this.socket.off('message', hear);
        resolve(frame);
      };
      this.socket.on('message', hear);
      this.socket.send(JSON.stringify({ token: this.token, ...request }));
    });
  }
}

type Frame = { class: string; tracingId?: string; body: { id: string } };
