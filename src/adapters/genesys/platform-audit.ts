import { AppError, errorCode } from '../../kernel/app-error.js';
import { PlatformAudit } from '../../modules/audit/index.js';
import type { AuditedService, PlatformEntries, PlatformEntry, PlatformQuery, Way } from '../../modules/audit/index.js';
import type { PlatformClient } from './platform-client.js';

/** `PlatformAudit` by the audit API. */
export class GenesysPlatformAudit extends PlatformAudit {
  constructor(private readonly platform: PlatformClient) {
    super();
  }

  async services(way: Way): Promise<AuditedService[]> {
    const { services = [] } =
      way === 'realtime'
        ? await this.platform.call('getAuditsQueryRealtimeServicemapping', ({ audits }) =>
            audits.getAuditsQueryRealtimeServicemapping(),
          )
        : await this.platform.call('getAuditsQueryServicemapping', ({ audits }) =>
            audits.getAuditsQueryServicemapping(),
          );
    return services.map(({ name = '', entities = [] }) => ({
      name,
      entities: entities.map((entity) => ({ name: entity.name ?? '', actions: entity.actions ?? [] })),
    }));
  }

  async recent(query: PlatformQuery, pageNumber: number, pageSize: number): Promise<PlatformEntries> {
    const { entities = [], total = 0 } = await this.platform.call('postAuditsQueryRealtime', ({ audits }) =>
      audits.postAuditsQueryRealtime({ ...asked(query), pageNumber, pageSize }),
    );
    const isLast = entities.length === 0 || pageNumber * pageSize >= total;
    return { items: entities.map(entryOf), cursor: isLast ? null : String(pageNumber + 1) };
  }

  async begin(query: PlatformQuery): Promise<string> {
    const { id } = await this.platform.call('postAuditsQuery', ({ audits }) => audits.postAuditsQuery(asked(query)));
    if (id === undefined) throw new AppError('refused', 'genesys.refused', 'Genesys Cloud did not name the query.');
    return id;
  }

  async progress(queryId: string): Promise<'running' | 'done' | 'failed' | null> {
    try {
      const { state } = await this.platform.call('getAuditsQueryTransactionId', ({ audits }) =>
        audits.getAuditsQueryTransactionId(queryId),
      );
      if (state === 'Succeeded') return 'done';
      return state === 'Failed' || state === 'Cancelled' ? 'failed' : 'running';
    } catch (error) {
      if (errorCode(error) === 'genesys.not_found') return null;
      throw error;
    }
  }

  async results(queryId: string, cursor: string | null, pageSize: number): Promise<PlatformEntries> {
    const answer = await this.platform.call('getAuditsQueryTransactionIdResults', ({ audits }) =>
      audits.getAuditsQueryTransactionIdResults(queryId, { pageSize, ...(cursor === null ? {} : { cursor }) }),
    );
    return { items: (answer.entities ?? []).map(entryOf), cursor: answer.cursor ?? null };
  }
}

const asked = ({ service, from, until, entityType, entityId, action }: PlatformQuery) => ({
  interval: `${from.toISOString()}/${until.toISOString()}`,
  serviceName: service,
  filters: [
    { property: 'EntityType', value: entityType },
    { property: 'EntityId', value: entityId },
    { property: 'Action', value: action },
  ].filter((filter): filter is { property: string; value: string } => filter.value !== undefined),
  sort: [{ name: 'Timestamp', sortOrder: 'descending' }],
});

/** The fields of `AuditLogMessage` we use; every one may be missing. Names, addresses and values stay where they are. */
type Message = {
  id?: string;
  eventDate?: string;
  serviceName?: string;
  entityType?: string;
  entity?: { id?: string };
  action?: string;
  status?: string;
  user?: { id?: string };
  client?: { id?: string };
  application?: string;
  propertyChanges?: { property?: string }[];
};

const entryOf = (message: Message): PlatformEntry => ({
  id: message.id ?? '',
  at: message.eventDate ?? '',
  service: message.serviceName ?? '',
  entityType: message.entityType ?? null,
  entityId: message.entity?.id ?? null,
  action: message.action ?? null,
  status: message.status ?? null,
  userId: message.user?.id ?? null,
  clientId: message.client?.id ?? null,
  application: message.application ?? null,
  changed: (message.propertyChanges ?? []).flatMap(({ property }) => property ?? []),
});
