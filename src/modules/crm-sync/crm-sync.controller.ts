import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from '../../http/access.js';
import { Idempotent } from '../../http/idempotent.js';
import { Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { CrmStatusService } from './crm-status.service.js';
import {
  CrmStatusListView,
  crmStatusView,
  DeadLetterPageView,
  deadLetterPageView,
  DeadLetterPath,
  DeadLettersQuery,
  DeadLetterView,
  deadLetterView,
  letterOf,
  PreviewQuery,
  PreviewView,
  previewView,
  ReplayBody,
  ReplayedView,
} from './crm-sync.dto.js';
import { crmNotFound, deadLetterNotFound, previewUnsupported } from './crm-sync.errors.js';
import { DeadLetterService } from './dead-letter.service.js';

const IDEMPOTENCY = {
  name: 'Idempotency-Key',
  required: false,
  description: 'Makes the request safe to repeat for 24 hours',
};
const NO_CRM = crmNotFound('acme');
const NO_LETTER = deadLetterNotFound('salesforce', EXAMPLE_ID);

@ApiTags('crm-sync')
@Controller('v1/crm-sync')
@Scope('crm:operate')
export class CrmSyncController {
  constructor(
    private readonly status: CrmStatusService,
    private readonly letters: DeadLetterService,
  ) {}

  @Get()
  @Problems({ 403: ['auth.scope_missing'] })
  @ApiOperation({
    operationId: 'getCrmStatus',
    summary: 'See how each CRM fares: lag, queue, rates, breaker, last error',
  })
  @ApiResponse({ status: 200, type: CrmStatusListView })
  async all(): Promise<CrmStatusListView> {
    return { items: (await this.status.all()).map(crmStatusView) };
  }

  @Get('dead-letters')
  @Problems({ 400: ['request.invalid'], 404: [NO_CRM] })
  @ApiOperation({ operationId: 'listDeadLetters', summary: 'List what a CRM would not take, newest first' })
  @ApiResponse({ status: 200, type: DeadLetterPageView })
  async list(@Query() { limit = 100, ...query }: DeadLettersQuery): Promise<DeadLetterPageView> {
    return deadLetterPageView(await this.letters.list({ ...query, limit }));
  }

  @Post('dead-letters/replay')
  @Idempotent()
  @HttpCode(200)
  @Problems({ 400: ['request.invalid'], 404: [NO_CRM] })
  @ApiOperation({
    operationId: 'replayDeadLetters',
    summary: 'Send dead letters again, all of a CRM or those of one reason',
    description: 'Asked for again after an interruption, it goes on where it was.',
  })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 200, type: ReplayedView, description: 'How many are on their way' })
  async replayAll(@Body() body: ReplayBody): Promise<ReplayedView> {
    return { replayed: await this.letters.replayAll(body) };
  }

  @Get('dead-letters/:id')
  @Problems({ 400: ['request.invalid'], 404: [NO_CRM, NO_LETTER] })
  @ApiOperation({ operationId: 'getDeadLetter', summary: 'Look into a dead letter, hashes masked' })
  @ApiResponse({ status: 200, type: DeadLetterView })
  async get(@Param() { id }: DeadLetterPath): Promise<DeadLetterView> {
    const { crm, guestId } = letterOf(id);
    return deadLetterView(await this.letters.get(crm, guestId));
  }

  @Post('dead-letters/:id/replay')
  @Idempotent()
  @HttpCode(202)
  @Problems({ 400: ['request.invalid'], 404: [NO_CRM, NO_LETTER] })
  @ApiOperation({ operationId: 'replayDeadLetter', summary: 'Send a dead letter again' })
  @ApiHeader(IDEMPOTENCY)
  @ApiResponse({ status: 202, type: ReplayedView, description: 'On its way' })
  async replay(@Param() { id }: DeadLetterPath): Promise<ReplayedView> {
    const { crm, guestId } = letterOf(id);
    await this.letters.replay(crm, guestId);
    return { replayed: 1 };
  }

  @Get('preview')
  @Problems({ 400: ['request.invalid'], 404: [NO_CRM], 409: [previewUnsupported('acme')] })
  @ApiOperation({
    operationId: 'previewCrmRequest',
    summary: 'See the very request a CRM would be sent for a guest; nothing is sent',
  })
  @ApiResponse({ status: 200, type: PreviewView })
  async preview(@Query() { crm, guestId }: PreviewQuery): Promise<PreviewView> {
    return previewView(await this.status.previewOf(crm, guestId));
  }
}
