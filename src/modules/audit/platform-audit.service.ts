import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { AuditService } from './audit.service.js';
import {
  invalidPlatformQuery,
  platformAuditNotPermitted,
  platformAuditSilent,
  platformQueryFailed,
  platformQueryNotFound,
} from './platform-audit.errors.js';
import { fromCursor, queryFaults, toCursor, wayOf } from './platform-audit.js';
import type { Position } from './platform-audit.js';
import { PlatformAudit } from './ports/platform-audit.js';
import type { AuditedService, PlatformEntries, PlatformEntry, PlatformQuery, Way } from './ports/platform-audit.js';

/** Services come and go with releases of Genesys Cloud, not with the hour. */
const MAPPING_MS = 60 * 60_000;
/** How long a caller waits for a query to be done before it is told where to look. */
const PATIENCE_MS = 2_500;
const LOOK_MS = 400;
/** How long a caller waits at all. */
const LONGEST_MS = 4_500;

export type PlatformPage = { readonly items: readonly PlatformEntry[]; readonly nextCursor: string | null };
/** A page, or the query that is still being carried out. */
export type PlatformAnswer = PlatformPage | { readonly queryId: string };

type Known = { readonly services: Promise<AuditedService[]>; readonly until: number };

/** Reads Genesys Cloud's own audit. Reading it is itself an entry of ours. */
@Injectable()
export class PlatformAuditService {
  private readonly known = new Map<Way, Known>();

  constructor(
    private readonly platform: PlatformAudit,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * @param cursor `nextCursor` of the page before, with the same query
   * @throws AppError `request.invalid`, `audit.not_permitted`, `audit.query_failed`, `audit.no_answer`
   */
  async read(query: PlatformQuery, cursor: string | undefined, limit: number): Promise<PlatformAnswer> {
    const position = cursor === undefined ? null : positionAt(cursor);
    const answer = await answered(() => this.answer(query, position, limit));
    await this.record({ service: query.service, entityType: query.entityType ?? null }, answer);
    return answer;
  }

  /** Goes on with a query that took its time. @throws AppError as `read`, and `audit.query_not_found` */
  async resume(queryId: string, limit: number): Promise<PlatformAnswer> {
    const answer = await answered(() => this.finished(queryId, limit, 0));
    await this.record({ queryId }, answer);
    return answer;
  }

  private async answer(query: PlatformQuery, position: Position | null, limit: number): Promise<PlatformAnswer> {
    if (position?.way === 'query')
      return queryPage(position.id, await this.platform.results(position.id, position.cursor, limit));
    const faults = queryFaults(query, await this.services('query'));
    if (faults.length > 0) throw invalidPlatformQuery(faults);
    if (position === null && wayOf(query, await this.services('realtime'), this.clock.now()) === 'query')
      return this.finished(await this.platform.begin(query), limit, PATIENCE_MS);
    const page = position?.page ?? 1;
    const { items, cursor } = await this.platform.recent(query, page, limit);
    return { items, nextCursor: cursor === null ? null : toCursor({ way: 'realtime', page: page + 1 }) };
  }

  private async finished(queryId: string, limit: number, patienceMs: number): Promise<PlatformAnswer> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const progress = await this.platform.progress(queryId);
      if (progress === null) throw platformQueryNotFound(queryId);
      if (progress === 'failed') throw platformQueryFailed(queryId);
      if (progress === 'done') return queryPage(queryId, await this.platform.results(queryId, null, limit));
      if (performance.now() + LOOK_MS > deadline) return { queryId };
      await sleep(LOOK_MS);
    }
  }

  /** What can be asked for, asked once an hour and once for all who wait. */
  private services(way: Way): Promise<AuditedService[]> {
    const now = this.clock.now().getTime();
    const known = this.known.get(way);
    if (known !== undefined && known.until > now) return known.services;
    const services = this.platform.services(way);
    this.known.set(way, { services, until: now + MAPPING_MS });
    services.catch(() => this.known.delete(way));
    return services;
  }

  private record(changes: Readonly<Record<string, unknown>>, answer: PlatformAnswer): Promise<void> {
    const read = 'items' in answer ? { entries: answer.items.length } : { queryId: answer.queryId };
    return this.audit.record({
      subject: 'system:audit',
      event: 'PLATFORM_AUDIT_READ',
      changes: { ...changes, ...read },
    });
  }
}

function positionAt(cursor: string): Position {
  const position = fromCursor(cursor);
  if (position === null)
    throw invalidPlatformQuery([{ pointer: '/cursor', rule: 'cursor', message: 'is none of ours: send a nextCursor' }]);
  return position;
}

const queryPage = (id: string, { items, cursor }: PlatformEntries): PlatformPage => ({
  items,
  nextCursor: cursor === null ? null : toCursor({ way: 'query', id, cursor }),
});

/** Nobody waits longer than a caller may, and what Genesys does not permit is said in words. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const late = sleep(LONGEST_MS, undefined, { signal: done.signal, ref: false }).then(() => {
    throw platformAuditSilent();
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    throw error instanceof AppError && errorCode(error) === 'genesys.forbidden' ? platformAuditNotPermitted() : error;
  } finally {
    done.abort();
  }
}
