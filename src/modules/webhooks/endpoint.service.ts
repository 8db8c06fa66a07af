import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { randomBytes } from '../../kernel/random.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { AuditService } from '../audit/index.js';
import { LEAVE_OUT, personalDataError } from '../identity/index.js';
import type { EventName } from '../audit/index.js';
import { urlFault } from './addresses.js';
import { Listeners } from './listeners.js';
import { WebhookStore } from './ports/webhook.store.js';
import { SECRET_BYTES, secretOf } from './signing.js';
import { descriptionRefused, tooManyEndpoints, urlRefused } from './webhooks.errors.js';
import { WebhookSettings } from './webhooks.settings.js';
import { MOST_ENDPOINTS, ROTATION_MS, SECRET_SUBJECT, secretPlace } from './webhooks.js';
import type { DisabledReason, Endpoint, EventType } from './webhooks.js';

export type WantedEndpoint = Pick<Endpoint, 'url' | 'events' | 'description'>;
export type EndpointPatch = Partial<WantedEndpoint> & { readonly enabled?: boolean };
/** An endpoint with its secret readable: only when it has just been made. */
export type RevealedEndpoint = { readonly endpoint: Endpoint; readonly secret: string };

/** What can be asked of webhook endpoints. */
@Injectable()
export class EndpointService {
  constructor(
    private readonly store: WebhookStore,
    private readonly listeners: Listeners,
    private readonly audit: AuditService,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: WebhookSettings,
  ) {}

  /** @throws AppError `webhook.url_refused`, `request.invalid` for a description with personal data, `webhook.too_many_endpoints` */
  async add({ url, events, description }: WantedEndpoint): Promise<RevealedEndpoint> {
    this.checkUrl(url);
    checkDescription(description);
    const at = this.clock.now();
    const id = uuidv7(at.getTime());
    const secret = newSecret();
    return this.work.run(async () => {
      if ((await this.store.list()).length >= MOST_ENDPOINTS) throw tooManyEndpoints();
      const endpoint: Endpoint = {
        id,
        url,
        events: inOrder(events),
        description,
        disabled: null,
        failingSince: null,
        sealedSecret: await this.vault.seal(SECRET_SUBJECT, secretPlace(id), secret),
        previousSecret: null,
        createdDate: at,
        modifiedDate: at,
      };
      await this.store.add(endpoint);
      await this.changed(endpoint, 'WEBHOOK_ENDPOINT_ADDED', { ...facts(endpoint), events: endpoint.events });
      return { endpoint, secret };
    });
  }

  list(): Promise<Endpoint[]> {
    return this.store.list();
  }

  /** @throws AppError `webhook.endpoint_not_found` */
  get(id: string): Promise<Endpoint> {
    return this.store.get(id);
  }

  /**
   * Enabling one again sends it what waited, and forgets that it failed.
   * @throws AppError `webhook.endpoint_not_found`, `webhook.url_refused`, `request.invalid` for a description with personal data
   */
  async change(id: string, { enabled, ...parts }: EndpointPatch): Promise<Endpoint> {
    if (parts.url !== undefined) this.checkUrl(parts.url);
    checkDescription(parts.description ?? null);
    return this.work.run(async () => {
      const at = this.clock.now();
      const endpoint = await this.store.update(id, (known) => ({
        ...known,
        ...parts,
        ...(parts.events === undefined ? {} : { events: inOrder(parts.events) }),
        ...(enabled === true ? { disabled: null, failingSince: null } : {}),
        ...(enabled === false ? { disabled: known.disabled ?? { reason: 'requested', at } } : {}),
        modifiedDate: at,
      }));
      const names = [...Object.keys(parts), ...(enabled === undefined ? [] : ['enabled'])];
      await this.changed(endpoint, 'WEBHOOK_ENDPOINT_CHANGED', { ...facts(endpoint), changed: names.sort() });
      return endpoint;
    });
  }

  /** Nothing is sent to it any more until somebody enables it again. Changes nothing when it is disabled already, or gone. */
  disable(id: string, reason: DisabledReason): Promise<void> {
    return this.work.run(async () => {
      if ((await this.store.find(id)) === null) return;
      const at = this.clock.now();
      let wasEnabled = false;
      const endpoint = await this.store.update(id, (known) => {
        wasEnabled = known.disabled === null;
        return wasEnabled ? { ...known, disabled: { reason, at }, modifiedDate: at } : known;
      });
      if (wasEnabled) await this.changed(endpoint, 'WEBHOOK_ENDPOINT_DISABLED', { ...facts(endpoint), reason });
    });
  }

  /** A new secret, which signs from now on; the one before signs beside it for `ROTATION_MS`. @throws AppError `webhook.endpoint_not_found` */
  rotateSecret(id: string): Promise<RevealedEndpoint> {
    const secret = newSecret();
    return this.work.run(async () => {
      const at = this.clock.now();
      const sealedSecret = await this.vault.seal(SECRET_SUBJECT, secretPlace(id), secret);
      const endpoint = await this.store.update(id, (known) => ({
        ...known,
        sealedSecret,
        previousSecret: { sealed: known.sealedSecret, until: new Date(at.getTime() + ROTATION_MS) },
        modifiedDate: at,
      }));
      await this.changed(endpoint, 'WEBHOOK_SECRET_ROTATED', facts(endpoint));
      return { endpoint, secret };
    });
  }

  /** @throws AppError `webhook.endpoint_not_found` */
  remove(id: string): Promise<void> {
    return this.work.run(async () => {
      const endpoint = await this.store.get(id);
      await this.store.remove(id);
      await this.audit.record({
        subject: SECRET_SUBJECT,
        event: 'WEBHOOK_ENDPOINT_REMOVED',
        changes: facts(endpoint),
      });
      this.work.afterCommit(() => this.listeners.forget(id));
    });
  }

  /** The secrets that sign at this moment, newest first. */
  async secretsOf({ id, sealedSecret, previousSecret }: Endpoint, at: Date): Promise<string[]> {
    const sealed = [
      sealedSecret,
      ...(previousSecret !== null && previousSecret.until > at ? [previousSecret.sealed] : []),
    ];
    const secrets = await Promise.all(sealed.map((one) => this.vault.open(SECRET_SUBJECT, secretPlace(id), one)));
    return secrets.filter((secret) => secret !== null);
  }

  private checkUrl(url: string): void {
    const fault = urlFault(url, this.settings.reach);
    if (fault !== null) throw urlRefused(fault);
  }

  private async changed(endpoint: Endpoint, event: EventName, changes: Record<string, unknown>): Promise<void> {
    await this.audit.record({ subject: SECRET_SUBJECT, event, changes });
    this.work.afterCommit(() => this.listeners.learn(endpoint));
  }
}

function checkDescription(description: string | null): void {
  const fault = description === null ? null : personalDataError('/description', description, LEAVE_OUT);
  if (fault !== null) throw descriptionRefused(fault);
}

const newSecret = (): string => secretOf(randomBytes(SECRET_BYTES));

const inOrder = (events: readonly EventType[]): EventType[] => [...new Set(events)].sort();

/** For the trail: path and query of a URL can carry what only its owner should know. */
const facts = ({ id, url }: Endpoint): Record<string, unknown> => ({ endpointId: id, origin: new URL(url).origin });
