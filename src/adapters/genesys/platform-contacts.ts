import { AppError } from '../../kernel/app-error.js';
import { GenesysFailure } from './genesys-errors.js';
import { genesysUrls } from './genesys.settings.js';
import type { GenesysSettings } from './genesys.settings.js';
import { AT_ONCE } from './call-queue.js';
import { PlatformClient } from './platform-client.js';
import { PlatformLogin } from './platform-login.js';
import { PlatformTransport } from './platform-transport.js';

/** One attempt: whoever keeps a CRM in step decides when to try again, and counts what failed. */
const LIMITS = { attemptMs: 10_000, callMs: 15_000, attempts: 1 };

/** External contacts by the Platform API, in the words in which CRMs fail. */
export class PlatformContacts {
  constructor(
    private readonly platform: PlatformClient,
    /** Without `/api/v2`. */
    private readonly apiUrl: string,
  ) {}

  enrich(operations: readonly object[]): Promise<unknown> {
    return this.call(() =>
      this.platform.call('postExternalcontactsBulkContactsEnrich', ({ contacts }) =>
        contacts.postExternalcontactsBulkContactsEnrich({ entities: operations as never }),
      ),
    );
  }

  schema(schemaId: string): Promise<unknown> {
    return this.call(() =>
      this.platform.call('getExternalcontactsContactsSchema', ({ contacts }) =>
        contacts.getExternalcontactsContactsSchema(schemaId),
      ),
    );
  }

  scan(cursor: string | null, limit: number): Promise<unknown> {
    return this.call(() =>
      this.platform.call('getExternalcontactsScanContacts', ({ contacts }) =>
        contacts.getExternalcontactsScanContacts({ limit, ...(cursor === null ? {} : { cursor }) }),
      ),
    );
  }

  lookUp(externalSourceId: string, value: string): Promise<unknown> {
    return this.call(() =>
      this.platform.call('postExternalcontactsIdentifierlookupContacts', ({ contacts }) =>
        contacts.postExternalcontactsIdentifierlookupContacts({
          type: 'ExternalId',
          value,
          // The SDK's model wants a name as well; the id alone says which it is.
          externalSource: { id: externalSourceId } as never,
        }),
      ),
    );
  }

  remove(contactId: string): Promise<unknown> {
    return this.call(() =>
      this.platform.call('deleteExternalcontactsContact', ({ contacts }) =>
        contacts.deleteExternalcontactsContact(contactId),
      ),
    );
  }

  enrichRequest(operations: readonly object[]) {
    return {
      method: 'POST',
      url: `${this.apiUrl}/api/v2/externalcontacts/bulk/contacts/enrich`,
      headers: { authorization: 'Bearer [redacted]', 'content-type': 'application/json' },
      body: { entities: operations },
    };
  }

  async ping(): Promise<void> {
    await this.call(() => this.platform.call('getTokensMe', ({ tokens }) => tokens.getTokensMe()));
  }

  private async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof AppError ? crmError(error) : error;
    }
  }
}

/**
 * With a token of its own: limits are counted by token, so that a burst of records leaves the guests' calls theirs. It is crm-sync that finds the pace
 * and waits, for this CRM as for every other.
 */
export function platformContacts(settings: GenesysSettings): PlatformContacts {
  const { api } = genesysUrls(settings);
  const transport = new PlatformTransport(new PlatformLogin(settings), AT_ONCE, LIMITS);
  return new PlatformContacts(new PlatformClient(api, transport), api);
}

function crmError(error: AppError): AppError {
  const failure = error.cause instanceof GenesysFailure ? error.cause : null;
  const facts = {
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    extra: { status: failure?.status ?? null },
  };
  const status = failure?.status ?? null;
  if (error.kind === 'throttled') return new AppError('throttled', 'crm.throttled', error.message, facts);
  if (error.code === 'genesys.login_refused' || status === 401 || status === 403)
    return new AppError('unavailable', 'crm.credentials_refused', error.message, facts);
  if (status === null) return new AppError('unavailable', 'crm.silent', error.message, facts);
  if (status === 413) return new AppError('refused', 'crm.too_large', error.message, facts);
  if (error.kind === 'unavailable') return new AppError('unavailable', 'crm.unavailable', error.message, facts);
  return new AppError('refused', 'crm.refused', error.message, facts);
}
