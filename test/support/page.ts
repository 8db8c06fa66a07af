import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import type { Client, GuestAnswer } from './client.js';

/** A page with the official Messenger, as far as Genesys can tell: it speaks the guest protocol with what our answer handed it. */
export async function pageWrites(
  sandbox: Client,
  guest: GuestAnswer,
  text: string,
  attributes = guest.genesys.widget!.customAttributes,
): Promise<string> {
  const { genesys } = (await sandbox.get<{ genesys: { webmessagingUrl: string; origin: string } }>('')).body;
  const { deploymentId } = guest.genesys.widget!;
  const socket = new WebSocket(`${genesys.webmessagingUrl}/v1?deploymentId=${deploymentId}`, {
    origin: genesys.origin,
  });
  const token = randomUUID();
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ action: 'configureSession', token, deploymentId })));
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(String(data)) as { class: string; tracingId?: string; body: { id: string } };
      if (frame.class === 'SessionResponse')
        socket.send(
          JSON.stringify({
            action: 'onMessage',
            token,
            tracingId: 'ours',
            message: { type: 'Text', text, channel: { metadata: { customAttributes: attributes } } },
          }),
        );
      if (frame.class === 'StructuredMessage' && frame.tracingId === 'ours') {
        resolve(frame.body.id);
        setTimeout(() => socket.close(), 200);
      }
    });
  });
}
