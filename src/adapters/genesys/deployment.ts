import { Logger } from '@nestjs/common';
import type { FileRules } from '../../modules/guest/index.js';
import { exchange } from './exchange.js';
import { asAppError } from './genesys-errors.js';
import type { GenesysFailure } from './genesys-errors.js';
import type { GenesysPlace } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';

/** What the deployment lets guests do. */
export type DeploymentConfig = {
  /** A `Join` starts the conversation before anybody has written. */
  readonly autoStart: boolean;
  /** Guests may end the conversation themselves. */
  readonly conversationClear: boolean;
  /** Guests are told when the other side ends it; `null` when they are not. */
  readonly conversationDisconnect: 'Send' | 'ReadOnly' | null;
  /** What files guests may send; null when the configuration does not say. */
  readonly files: FileRules | null;
};

const FRESH_MS = 3 * 60_000;
const TIMEOUT_MS = 5_000;

/** The deployment's public configuration. It changes when an administrator publishes, so it is read again every few minutes. */
export class Deployment {
  private readonly logger = new Logger('genesys');
  private newest: DeploymentConfig | null = null;
  private known: { readonly config: Promise<DeploymentConfig>; readonly until: number } | null = null;

  constructor(private readonly place: GenesysPlace) {}

  /** @throws AppError `unavailable` or `throttled` when it cannot be read now */
  config(): Promise<DeploymentConfig> {
    if (this.known === null || performance.now() >= this.known.until) {
      const config = this.read();
      this.known = { config, until: performance.now() + FRESH_MS };
      config.catch(() => (this.known = null));
    }
    return this.known.config;
  }

  /** As last read, however long ago; null, and it is being read, when it never was. */
  get lastKnown(): DeploymentConfig | null {
    void this.config().catch(() => undefined);
    return this.newest;
  }

  private async read(): Promise<DeploymentConfig> {
    try {
      return (this.newest = await publishedConfig(this.place));
    } catch (error) {
      const { status } = error as GenesysFailure;
      if (status === null || status === 408 || status === 429 || status >= 500) throw asAppError(error);
      // Guests can be served without it: then a conversation begins with the first text.
      this.logger.warn('deployment configuration not published', { status });
      return toConfig(undefined);
    }
  }
}

/** @throws GenesysFailure 404 when the deployment is not published */
export async function publishedConfig(place: GenesysPlace): Promise<DeploymentConfig> {
  const url = genesysUrls(place).deploymentConfig;
  const headers = { Accept: 'application/json', Origin: place.origin };
  const answer = await exchange({ called: 'cdn', method: 'GET', url, headers, timeoutMs: TIMEOUT_MS });
  return toConfig(answer.data as Published | undefined);
}

type Switch = { enabled?: boolean; type?: string };
type FileUpload = { enableAttachments?: boolean; modes?: { fileTypes?: string[]; maxFileSizeKB?: number }[] };
type Published = {
  messenger?: {
    fileUpload?: FileUpload;
    apps?: { conversations?: { autoStart?: Switch; conversationClear?: Switch; conversationDisconnect?: Switch } };
  };
};

function toConfig(published: Published | undefined): DeploymentConfig {
  const { autoStart, conversationClear, conversationDisconnect } = published?.messenger?.apps?.conversations ?? {};
  const told = conversationDisconnect?.enabled === true;
  return {
    autoStart: autoStart?.enabled === true,
    conversationClear: conversationClear?.enabled === true,
    conversationDisconnect: !told ? null : conversationDisconnect.type === 'ReadOnly' ? 'ReadOnly' : 'Send',
    files: toFileRules(published?.messenger?.fileUpload),
  };
}

function toFileRules({ enableAttachments, modes = [] }: FileUpload = {}): FileRules | null {
  if (enableAttachments !== false && modes.length === 0) return null;
  return {
    isEnabled: enableAttachments !== false,
    modes: modes.map(({ fileTypes = [], maxFileSizeKB = 0 }) => ({ types: fileTypes, maxBytes: maxFileSizeKB * 1024 })),
  };
}
