import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Scope } from '../../http/access.js';
import { Idempotent } from '../../http/idempotent.js';
import { IdPath } from '../../http/id-path.js';
import { PageQuery } from '../../http/page-query.js';
import { Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import {
  crmNotFound,
  readUnsupported,
  reconciliationNotFound,
  reconciliationRepaired,
  reconciliationStale,
  reconciliationUnderWay,
  reconciliationUnfinished,
} from './crm-sync.errors.js';
import {
  BeginReconciliationBody,
  DriftPageView,
  driftPageView,
  ReconciliationPageView,
  reconciliationPageView,
  ReconciliationsQuery,
  ReconciliationView,
  reconciliationView,
} from './reconciliation.dto.js';
import { CrmReconciliationService } from './reconciliation.service.js';

const IDEMPOTENCY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes the request safe to repeat for 24 hours',
};
const LOCATION = { Location: { schema: { type: 'string' } } } as const;
const NONE = reconciliationNotFound(EXAMPLE_ID);

@ApiTags('crm-sync')
@Controller('v1/crm-sync/reconciliations')
@Scope('crm:operate')
export class ReconciliationController {
  constructor(private readonly reconciliations: CrmReconciliationService) {}

  @Post()
  @Idempotent()
  @HttpCode(202)
  @Problems({
    400: ['request.invalid'],
    404: [crmNotFound('acme')],
    409: [readUnsupported('rest'), reconciliationUnderWay('salesforce')],
  })
  @ApiOperation({
    operationId: 'beginReconciliation',
    summary: 'Read a CRM back and compare it with what it should hold',
    description: 'Page by page, at the pace that is configured and while the breaker is closed. Nothing is changed.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 202, type: ReconciliationView, headers: LOCATION, description: 'Begun' })
  async begin(
    @Body() { crm }: BeginReconciliationBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ReconciliationView> {
    const begun = await this.reconciliations.begin(crm);
    reply.header('Location', `/v1/crm-sync/reconciliations/${begun.id}`);
    return reconciliationView(begun);
  }

  @Get()
  @Problems({ 400: ['request.invalid'] })
  @ApiOperation({ operationId: 'listReconciliations', summary: 'List reconciliations, newest first' })
  @ApiResponse({ status: 200, type: ReconciliationPageView, description: 'The last 20 of each CRM' })
  async list(@Query() { crm, cursor, limit = 100 }: ReconciliationsQuery): Promise<ReconciliationPageView> {
    return reconciliationPageView(await this.reconciliations.list(crm, cursor, limit));
  }

  @Get(':id')
  @Problems({ 404: [NONE] })
  @ApiOperation({ operationId: 'getReconciliation', summary: 'See how far a reconciliation is, and what it found' })
  @ApiResponse({ status: 200, type: ReconciliationView })
  async get(@Param() { id }: IdPath): Promise<ReconciliationView> {
    return reconciliationView(await this.reconciliations.get(id));
  }

  @Get(':id/drifts')
  @Problems({ 400: ['request.invalid'], 404: [NONE] })
  @ApiOperation({ operationId: 'listDrifts', summary: 'List in which records a CRM is not as it should be' })
  @ApiResponse({ status: 200, type: DriftPageView })
  async drifts(@Param() { id }: IdPath, @Query() { cursor, limit = 100 }: PageQuery): Promise<DriftPageView> {
    return driftPageView(await this.reconciliations.drifts(id, cursor, limit));
  }

  @Post(':id/repair')
  @Idempotent()
  @HttpCode(202)
  @Problems({
    404: [NONE, crmNotFound('acme')],
    409: [reconciliationUnfinished(EXAMPLE_ID), reconciliationRepaired(EXAMPLE_ID), reconciliationStale(EXAMPLE_ID)],
  })
  @ApiOperation({
    operationId: 'repairReconciliation',
    summary: 'Approve the repair of what was found',
    description:
      'What is missing or different is sent again as any other change, if it still may be. What is extra stays as it is.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 202, type: ReconciliationView, headers: LOCATION, description: 'Approved' })
  async repair(@Param() { id }: IdPath, @Res({ passthrough: true }) reply: FastifyReply): Promise<ReconciliationView> {
    reply.header('Location', `/v1/crm-sync/reconciliations/${id}`);
    return reconciliationView(await this.reconciliations.repair(id));
  }
}
