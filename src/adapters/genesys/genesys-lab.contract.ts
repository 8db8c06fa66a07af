import { Logger } from '@nestjs/common';
import { SystemClock } from '../../kernel/clock.js';
import type { Gate } from '../../kernel/gate.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import type { Rate } from '../../kernel/rates.js';
import { Lab } from '../../sandbox/lab.contract.js';
import type { SandboxOptions } from '../../sandbox/sandbox.js';
import type { OutgoingFile } from '../../modules/guest/ports/guest-channel.js';
import type { ChannelLab } from '../../modules/guest/ports/guest-channel.contract.js';
import type { ConversationsLab } from '../../modules/guest/ports/conversations.contract.js';
import { openPlatform } from './platform.js';
import { PlatformConversations } from './platform-conversations.js';
import type { GenesysSettings } from './genesys.settings.js';
import { GenesysGuestChannel } from './guest-channel.js';
import type { Timing } from './guest-session.js';

Logger.overrideLogger(false);

// The specs' own tools. The name keeps them out of the build, as with contracts.

/** Where a sandbox is, as the adapter is told. */
export function settingsOf({ sandbox }: Lab): GenesysSettings {
  const { apiUrl, webmessagingUrl, deploymentId, origin, clientId, clientSecret } = sandbox.connection.genesys;
  return {
    ...{ deploymentId, origin, clientId, clientSecret, webmessagingUrl },
    environment: 'mypurecloud.ie',
    gatewayUrl: apiUrl,
  };
}

/** The Platform API of an organisation, as a process has it that shares it with nobody. */
export const platformConversations = (settings: GenesysSettings): PlatformConversations =>
  new PlatformConversations(openPlatform(settings, new LoneGate(new SystemClock())).client);

const TYPING_MS = 400;

/** The adapter in front of a sandbox, with waits a test can afford. */
export class GenesysLab implements ChannelLab {
  private channels: GenesysGuestChannel[] = [];

  private constructor(
    readonly other: Lab,
    private readonly timing: Partial<Timing>,
  ) {}

  static async open(options: SandboxOptions = {}, timing: Partial<Timing> = {}): Promise<GenesysLab> {
    return new GenesysLab(await Lab.open(options), { answerMs: 700, graceMs: 100, typingMs: TYPING_MS, ...timing });
  }

  channel(timing: Partial<Timing> = {}, connections?: readonly Rate[], gate?: Gate): GenesysGuestChannel {
    const all = { ...this.timing, ...timing };
    const channel = new GenesysGuestChannel(settingsOf(this.other), all, connections, gate);
    this.channels.push(channel);
    return channel;
  }

  async conversations() {
    return (await this.other.conversations()).map(({ id, state, participants }) => {
      const guest = participants.find(({ purpose }) => purpose === 'customer');
      const guestTexts = guest?.messages.map(({ text }) => text) ?? [];
      const guestFiles = guest?.messages.flatMap(({ files = [] }) => files) ?? [];
      return { id, ended: state === 'disconnected', attributes: guest?.attributes ?? {}, guestTexts, guestFiles };
    });
  }

  async say(conversationId: string, text: string, from: 'agent' | 'bot' = 'agent'): Promise<void> {
    await this.other.http('POST', `/sandbox/genesys/conversations/${conversationId}/messages`, { text, from });
  }

  async give(conversationId: string, { fileName, mediaType, bytes }: Omit<OutgoingFile, 'id'>): Promise<void> {
    const files = [{ fileName, fileType: mediaType, base64: bytes.toString('base64') }];
    await this.other.http('POST', `/sandbox/genesys/conversations/${conversationId}/messages`, { files });
  }

  async runOut(): Promise<void> {
    await this.other.fault('genesys', '/downloads', { status: 403 });
  }

  async type(conversationId: string, from: 'agent' | 'bot' = 'agent'): Promise<void> {
    await this.other.http('POST', `/sandbox/genesys/conversations/${conversationId}/typing`, { from });
  }

  async guestTypings(): Promise<number> {
    const sent = (await this.other.requests()).map(({ method, body }) => (method === 'WS' ? JSON.stringify(body) : ''));
    return sent.filter((frame) => frame.includes('"eventType":"Typing","typing":{"type":"On"}')).length;
  }

  async disconnect(conversationId: string): Promise<void> {
    await this.other.http('POST', `/sandbox/genesys/conversations/${conversationId}/disconnect`);
  }

  async breakSockets(): Promise<void> {
    await this.other.fault('genesys', 'websocket', { drop: true }, 1_000);
  }

  async loseAcknowledgement(): Promise<void> {
    await this.other.fault('genesys', 'websocket', { dropAfterAccepting: true });
  }

  async allow({ autoStart, ending }: { readonly autoStart?: boolean; readonly ending?: boolean }): Promise<void> {
    await this.other.http('PATCH', '/sandbox/genesys/deployment', {
      ...(autoStart === undefined ? {} : { autoStart }),
      ...(ending === undefined ? {} : { conversationClear: ending }),
    });
  }

  async reset(): Promise<void> {
    await Promise.all(this.channels.map((channel) => channel.closeAll()));
    this.channels = [];
    this.other.sandbox.reset();
  }

  async close(): Promise<void> {
    await this.reset();
    await this.other.close();
  }
}

/** The Platform API in front of a sandbox. */
export async function openConversations(): Promise<ConversationsLab> {
  const lab = await Lab.open({ lookupDelayMs: 1_500 });
  const conversations = platformConversations(settingsOf(lab));
  // Loading the SDK takes longer than Genesys takes to know a message.
  await conversations.ping();
  return {
    conversations,
    async begin(text, attributes) {
      const guest = await lab.configured();
      const { body } = await guest.say(text, attributes);
      const known = await lab.conversations();
      const conversation = known.find(({ participants }) =>
        participants.some(({ messages }) => messages.some(({ id }) => id === body.id)),
      );
      return { conversationId: conversation!.id, messageId: body.id };
    },
    async say(conversationId, text, from) {
      await lab.http('POST', `/sandbox/genesys/conversations/${conversationId}/messages`, { text, from });
    },
    async hasEnded(conversationId) {
      return (await lab.conversations()).find(({ id }) => id === conversationId)?.state === 'disconnected';
    },
    async reset() {
      lab.sandbox.reset();
    },
    close: () => lab.close(),
  };
}
