import { isObject } from '../json.js';
import { Refusal } from '../refusal.js';
import { account, allowedDomains } from './account.js';

/** What an administrator can set on the Messenger configuration. */
export type DeploymentSettings = {
  /** A `Join` may start a conversation. */
  readonly autoStart: boolean;
  /** A guest may end the conversation by `Clear`. */
  readonly conversationClear: boolean;
  /** What a guest learns when the other side ends it: may go on, may only read, or nothing at all. */
  readonly conversationDisconnect: 'Send' | 'ReadOnly' | 'Off';
  readonly userTyping: boolean;
  /** After a disconnect the next message begins a new conversation, or takes the former one up again. */
  readonly threading: 'new' | 'same';
  /** How long a session lives after its last message. */
  readonly sessionSeconds: number;
  /** Media types of files that guests may send, or ranges of them; none: they may send no files. */
  readonly fileTypes: readonly string[];
  /** How long after it was announced a file may be sent in a message. */
  readonly fileSeconds: number;
  /** How long an address is good for under which a file can be downloaded. */
  readonly downloadSeconds: number;
  /** Guests may sign in. */
  readonly signIn: boolean;
  /** How long what they sign in with lives, in milliseconds. */
  readonly signInMs: number;
  /** Conversations are put with the contact of the journey's customer, which is made where there is none. */
  readonly resolveIdentities: boolean;
};

export const defaultDeployment: DeploymentSettings = {
  autoStart: true,
  conversationClear: true,
  conversationDisconnect: 'Send',
  userTyping: true,
  threading: 'new',
  sessionSeconds: 72 * 3600,
  fileTypes: ['*/*'],
  fileSeconds: 24 * 3600,
  downloadSeconds: 600,
  signIn: false,
  signInMs: 3_600_000,
  resolveIdentities: true,
};

/** What a guest may send as a file, as the guest socket says it. */
export const allowedMedia = { inbound: { maxFileSizeKB: 10_240 } } as const;
export const mediaOf = ({ fileTypes }: DeploymentSettings): object => ({
  inbound: { fileTypes: fileTypes.map((type) => ({ type })), ...allowedMedia.inbound },
});
export const blockedExtensions: readonly string[] = [
  '.ade',
  '.adp',
  '.bat',
  '.cmd',
  '.com',
  '.exe',
  '.js',
  '.msi',
  '.scr',
  '.vbs',
] as const;

/** Reads a change of settings strictly. */
export function parseSettings(body: unknown): Partial<DeploymentSettings> {
  const allowed: Record<keyof DeploymentSettings, (value: unknown) => boolean> = {
    autoStart: (value) => typeof value === 'boolean',
    conversationClear: (value) => typeof value === 'boolean',
    conversationDisconnect: (value) => ['Send', 'ReadOnly', 'Off'].includes(value as string),
    userTyping: (value) => typeof value === 'boolean',
    threading: (value) => ['new', 'same'].includes(value as string),
    sessionSeconds: (value) => Number.isInteger(value) && Number(value) > 0,
    fileTypes: (value) => Array.isArray(value) && value.every((type) => /^[\w*.+-]+\/[\w*.+-]+$/.test(String(type))),
    fileSeconds: (value) => Number.isInteger(value) && Number(value) > 0,
    downloadSeconds: (value) => Number.isInteger(value) && Number(value) > 0,
    signIn: (value) => typeof value === 'boolean',
    signInMs: (value) => Number.isInteger(value) && Number(value) > 0,
    resolveIdentities: (value) => typeof value === 'boolean',
  };
  if (!isObject(body)) throw new Refusal(400, 'deployment.invalid', 'The settings must be an object.');
  for (const [name, value] of Object.entries(body))
    if (!Object.hasOwn(allowed, name) || !allowed[name as keyof DeploymentSettings](value))
      throw new Refusal(
        400,
        'deployment.invalid',
        `The deployment cannot be set to ${name}: ${JSON.stringify(value)}.`,
      );
  return body;
}

/** The public configuration a page reads from the CDN, in the shape of the official mobile SDK's `DeploymentConfig`. */
export function publicConfiguration(settings: DeploymentSettings, version: number, url: string): object {
  return {
    id: account.deploymentId,
    version: String(version),
    status: 'Active',
    languages: ['en-us'],
    defaultLanguage: 'en-us',
    apiEndpoint: url,
    messenger: {
      enabled: true,
      apps: {
        conversations: {
          enabled: true,
          messagingEndpoint: url.replace(/^http/, 'ws'),
          showAgentTypingIndicator: true,
          showUserTypingIndicator: settings.userTyping,
          autoStart: { enabled: settings.autoStart },
          conversationDisconnect: {
            enabled: settings.conversationDisconnect !== 'Off',
            type: settings.conversationDisconnect === 'ReadOnly' ? 'ReadOnly' : 'Send',
          },
          conversationClear: { enabled: settings.conversationClear },
          notifications: { enabled: false, notificationContentType: 'ExcludeMessagesContent' },
          markdown: { enabled: false },
          humanize: { enabled: false },
          sessionDurationSeconds: settings.sessionSeconds,
        },
      },
      styles: { primaryColor: '#2A60C8' },
      launcherButton: { visibility: 'On' },
      fileUpload: {
        enableAttachments: settings.fileTypes.length > 0,
        modes: [{ fileTypes: settings.fileTypes, maxFileSizeKB: allowedMedia.inbound.maxFileSizeKB }],
      },
    },
    journeyEvents: { enabled: false },
    auth: { enabled: settings.signIn, allowSessionUpgrade: false },
  };
}

/** The deployment as the Platform API shows it (`WebDeployment`). */
export function webDeployment(version: number): object {
  return {
    id: account.deploymentId,
    name: 'Sandbox Messenger',
    description: 'The deployment of the local sandbox.',
    allowAllDomains: false,
    allowedDomains,
    status: 'Active',
    flow: { id: account.flowId, name: 'Sandbox bot' },
    configuration: { id: account.configurationId, name: 'Sandbox configuration', version: String(version) },
    selfUri: `/api/v2/webdeployments/deployments/${account.deploymentId}`,
  };
}
