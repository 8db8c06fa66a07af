import type { FastifyInstance } from 'fastify';
import { Refusal } from '../refusal.js';
import type { Fault, Faults } from '../faults.js';
import type { Limits } from './limits.js';
import type { RequestLog } from '../requests.js';
import { account } from './account.js';
import { Attachments } from './guest/attachments.js';
import { Conversations } from './conversations.js';
import { EphemeralContacts } from './ephemeral-contacts.js';
import { eraseContact } from './erasure.js';
import type { DeploymentSettings } from './deployment.js';
import { cdnRoutes, deploymentRoutes, type Published } from './deployment-api.js';
import { GuestFiles } from './guest/guest-files.js';
import { guestHistoryRoutes } from './guest/guest-history.js';
import { GuestRequests } from './guest/guest-requests.js';
import { GuestSessions } from './guest/guest-sessions.js';
import { GuestSignIns } from './guest/guest-sign-ins.js';
import { GuestSocket } from './guest/guest-socket.js';
import { GuestTickets } from './guest/guest-tickets.js';
import { Messaging } from './messaging.js';
import { ExternalContacts } from './platform/external-contacts.js';
import { notificationRoutes } from './notifications/notification-api.js';
import { Notifications } from './notifications/notifications.js';
import { Organization } from './organization.js';
import { AccessTokens, bearer, oauthRoutes } from './platform/oauth.js';
import { platformAccess } from './platform/platform-access.js';
import { limitsRoutes } from './platform/limits-api.js';
import { analyticsRoutes } from './platform/analytics-api.js';
import { auditRoutes, AuditTrail } from './platform/audits-api.js';
import { gdprRoutes } from './platform/gdpr-api.js';
import { GdprRequests } from './platform/gdpr-requests.js';
import { associationRoutes, conversationRoutes, housekeepingRoutes } from './platform/platform-api.js';

export type GenesysOptions = {
  readonly botDelayMs: number;
  readonly lookupDelayMs: number;
  readonly tokenSeconds: number;
  readonly heartbeatMs: number;
  readonly gdprMs: number;
  readonly limits: Limits;
  readonly deployment: DeploymentSettings;
};

/** A Genesys Cloud organisation with one OAuth client and one web messaging deployment. */
export class GenesysCloud {
  readonly ephemeral = new EphemeralContacts();
  readonly conversations = new Conversations((journey) =>
    this.settings.resolveIdentities ? this.ephemeral.of(journey) : null,
  );
  readonly messaging: Messaging;
  readonly socket: GuestSocket;
  readonly contacts: ExternalContacts;
  readonly organization: Organization;
  private readonly notifications: Notifications;
  private readonly sessions: GuestSessions;
  private readonly tickets = new GuestTickets();
  private readonly signIns = new GuestSignIns(() => this.settings);
  private readonly tokens: AccessTokens;
  private readonly audits = new AuditTrail();
  private readonly gdpr = new GdprRequests(
    () => this.organization.settings,
    (contactId) => eraseContact(contactId, this),
  );
  readonly attachments = new Attachments(() => this.settings);
  private readonly files: GuestFiles;
  private settings: DeploymentSettings;
  private version = 1;

  constructor(
    private readonly options: GenesysOptions,
    private readonly faults: Faults,
    log: RequestLog,
    /** Where it is served; known only once it listens. */
    private readonly url: () => string,
  ) {
    const { deployment, botDelayMs } = options;
    const { tokenSeconds, lookupDelayMs, heartbeatMs, gdprMs } = options;
    const gdpr = { gdprMs, gdprOutcome: 'COMPLETED' } as const;
    this.organization = new Organization({ tokenSeconds, lookupDelayMs, heartbeatMs, ...gdpr, limits: options.limits });
    this.notifications = new Notifications(faults, () => this.organization.settings.heartbeatMs);
    this.conversations.onChange = (conversation, change) => this.notifications.tell(conversation, change);
    const { limits } = this.organization.settings;
    const settings = () => this.settings;
    this.contacts = new ExternalContacts(faults);
    this.settings = deployment;
    this.sessions = new GuestSessions(limits);
    this.tokens = new AccessTokens(
      () => this.organization.settings.tokenSeconds,
      () => limits.requestsPerTokenPerMinute,
    );
    this.files = new GuestFiles(this.attachments, url);
    this.messaging = new Messaging(this.conversations, this.sessions, this.files, faults, settings, botDelayMs);
    const { tickets, signIns, files } = this;
    const requests = new GuestRequests(this.sessions, this.messaging, tickets, signIns, files, settings, limits);
    this.socket = new GuestSocket(requests, this.messaging, log, faults, limits);
  }

  /** Serves the login, the Platform API, the CDN configuration and the guest socket. */
  serve(app: FastifyInstance): void {
    const { conversations, messaging, faults, tokens } = this;
    const { limits } = this.organization.settings;
    const lookupDelayMs = () => this.organization.settings.lookupDelayMs;
    oauthRoutes(app, tokens);
    guestHistoryRoutes(app, this.sessions, this.tickets);
    this.signIns.serve(app);
    cdnRoutes(app, () => this.published());
    this.files.serve(app);
    void app.register(
      async (api) => {
        api.addHook('preHandler', platformAccess(tokens, limits));
        housekeepingRoutes(api, (authorization) => tokens.expire(bearer(authorization)));
        limitsRoutes(api, limits);
        deploymentRoutes(api, () => this.published());
        this.contacts.serve(api);
        associationRoutes(api, conversations);
        notificationRoutes(api, this.notifications, this.url);
        analyticsRoutes(api, conversations);
        auditRoutes(api, this.audits);
        gdprRoutes(api, this.gdpr, this.audits);
        await api.register(
          async (routes) => conversationRoutes(routes, { conversations, messaging, faults, lookupDelayMs }),
          { prefix: '/conversations' },
        );
        api.all('/*', async ({ method, url: path }) => {
          throw new Refusal(404, 'not.found', `There is nothing at ${method} ${path.split('?')[0]}.`);
        });
      },
      { prefix: '/api/v2' },
    );
    this.socket.attach(app.server);
    this.notifications.attach(app.server);
  }

  get deployment(): DeploymentSettings {
    return this.settings;
  }

  configure(changes: Partial<DeploymentSettings>): DeploymentSettings {
    this.settings = { ...this.settings, ...changes };
    this.version += 1;
    this.audits.record({
      serviceName: 'WebDeployments',
      entityType: 'Configuration',
      entityId: account.configurationId,
      action: 'Update',
      changed: Object.keys(changes),
    });
    return this.settings;
  }

  /** What a fault does the moment it is given: open sockets break, live tokens end. Answers how many it touched. */
  suffer(fault: Fault): number {
    const { moment, match, effect, left } = fault;
    if (moment === 'sockets' && match === 'notifications') {
      this.notifications.suffer(fault);
      return left;
    }
    if (moment === 'sockets') {
      this.socket.drop(left, effect.closeCode);
      return left;
    }
    return match === 'login' && effect.expireToken && this.tokens.expireAll() > 0 ? 1 : 0;
  }

  /** A new, empty organisation: nobody is connected, logged in or known. */
  reset(): void {
    this.messaging.clearPending();
    this.socket.drop(Number.POSITIVE_INFINITY, undefined);
    this.notifications.clear();
    this.sessions.clear();
    this.conversations.clear();
    this.attachments.clear();
    this.signIns.clear();
    this.audits.clear();
    this.gdpr.clear();
    this.ephemeral.clear();
    this.tokens.expireAll();
    this.settings = this.options.deployment;
    this.organization.reset();
  }

  close(): void {
    this.messaging.clearPending();
    this.gdpr.clear();
    this.socket.close();
    this.notifications.close();
  }

  private published(): Published {
    return { settings: this.settings, version: this.version, url: this.url() };
  }
}
