import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Scope } from '../../http/access.js';
import { Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import {
  PlatformEntriesQuery,
  PlatformPageView,
  platformPageView,
  platformQuery,
  PlatformQueryPath,
  PlatformQueryView,
  PlatformResultsQuery,
} from './platform-audit.dto.js';
import {
  platformAuditNotPermitted,
  platformAuditSilent,
  platformQueryFailed,
  platformQueryNotFound,
} from './platform-audit.errors.js';
import { PlatformAuditService } from './platform-audit.service.js';
import type { PlatformAnswer } from './platform-audit.service.js';

/** When to look again, in seconds. */
const LOOK_AGAIN = '2';
const TOLD = { Location: { schema: { type: 'string' } }, 'Retry-After': { schema: { type: 'integer' } } } as const;

@ApiTags('audit')
@ApiExtraModels(PlatformQueryView)
@Controller('v1/audit/platform')
@Scope('audit:read')
export class PlatformAuditController {
  constructor(private readonly platform: PlatformAuditService) {}

  @Get()
  @Problems({
    502: [platformQueryFailed(EXAMPLE_ID), 'genesys.bad_request'],
    503: [platformAuditNotPermitted(), platformAuditSilent(), 'genesys.unavailable'],
  })
  @ApiOperation({
    operationId: 'listPlatformAuditEntries',
    summary: 'Read Genesys Cloud’s own audit of one service, newest first; reading it is itself an entry of ours',
    description:
      'Which services and entities are audited is Genesys Cloud’s to say: a name it does not have is answered with those it has. There is no entity “guest”. The last 14 days of most services are answered at once; what takes longer is answered 202 with where to look.',
  })
  @ApiResponse({ status: 200, type: PlatformPageView, description: 'A page of entries' })
  @ApiResponse({ status: 202, type: PlatformQueryView, description: 'Being carried out: look there', headers: TOLD })
  async entries(
    @Query() { cursor, limit = 100, ...query }: PlatformEntriesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlatformPageView | PlatformQueryView> {
    return shown(await this.platform.read(platformQuery(query), cursor, limit), reply);
  }

  @Get('queries/:id')
  @Problems({
    404: [platformQueryNotFound(EXAMPLE_ID)],
    502: [platformQueryFailed(EXAMPLE_ID), 'genesys.bad_request'],
    503: [platformAuditNotPermitted(), platformAuditSilent(), 'genesys.unavailable'],
  })
  @ApiOperation({
    operationId: 'getPlatformAuditQuery',
    summary: 'Read what a query found that took its time',
    description: 'Further pages are read with `nextCursor` where the query was asked.',
  })
  @ApiResponse({ status: 200, type: PlatformPageView, description: 'The first page of entries' })
  @ApiResponse({ status: 202, type: PlatformQueryView, description: 'Still being carried out', headers: TOLD })
  async results(
    @Param() { id }: PlatformQueryPath,
    @Query() { limit = 100 }: PlatformResultsQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PlatformPageView | PlatformQueryView> {
    return shown(await this.platform.resume(id, limit), reply);
  }
}

function shown(answer: PlatformAnswer, reply: FastifyReply): PlatformPageView | PlatformQueryView {
  if ('items' in answer) return platformPageView(answer);
  const { queryId } = answer;
  void reply.status(202).headers({ location: `/v1/audit/platform/queries/${queryId}`, 'retry-after': LOOK_AGAIN });
  return { queryId };
}
