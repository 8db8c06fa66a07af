import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Scope } from '../../http/access.js';
import { ifMatch } from '../../http/etag.js';
import { IdPath } from '../../http/id-path.js';
import { Idempotent } from '../../http/idempotent.js';
import { HEADER, Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import {
  DoneByHandBody,
  ErasurePageView,
  ErasureView,
  erasureView,
  EXAMPLE_ERASURE,
  ListErasuresQuery,
} from './erasure.dto.js';
import { erasureNotFound, placeNotFound } from './erasure.errors.js';
import { ErasureService } from './erasure.service.js';
import { staleView } from './guest.conflict.js';
import { conditionOf } from './guest.dto.js';
import { guestNotFound } from './guest.errors.js';
import { EXAMPLE_GUEST, EXAMPLE_VIEW } from './guest.examples.dto.js';
import { GuestSettings } from './guest.settings.js';
import { conflictsShown, shownConflict } from './guest.view.dto.js';

@ApiTags('erasures')
@Controller('v1')
export class ErasureController {
  constructor(
    private readonly erasures: ErasureService,
    private readonly settings: GuestSettings,
  ) {}

  @Delete('guests/:id')
  @HttpCode(202)
  @Scope('guest:erase')
  @Problems({
    404: [guestNotFound(EXAMPLE_ID)],
    412: [shownConflict(staleView(EXAMPLE_GUEST, []), EXAMPLE_VIEW)],
  })
  @ApiOperation({
    operationId: 'eraseGuest',
    summary: 'Erase a guest (GDPR Art. 17)',
    description:
      'Nothing leaves of the guest from now on. It is erased here at once if its session is over, else as soon as that has ended; then in every CRM that was sent something, and at ' +
      'Genesys Cloud. Safe to repeat: it is the same erasure, and what was left open is tried again.',
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Erases only these versions; whatever the version is when absent',
    schema: { type: 'string', example: '"2"' },
  })
  @ApiResponse({
    status: 202,
    type: ErasureView,
    example: EXAMPLE_ERASURE,
    description: 'The erasure, to follow',
    headers: { Location: HEADER.Location },
  })
  async erase(
    @Param() { id }: IdPath,
    @Headers('if-match') header: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ErasureView> {
    const requested = this.erasures.request(id, conditionOf(ifMatch(header) ?? '*'));
    const erasure = await conflictsShown(requested, this.settings);
    reply.header('Location', `/v1/erasures/${erasure.id}`);
    return erasureView(erasure);
  }

  @Get('erasures')
  @Scope('guest:erase')
  @ApiOperation({ operationId: 'listErasures', summary: 'Find erasures, newest first' })
  @ApiResponse({
    status: 200,
    type: ErasurePageView,
    example: { items: [EXAMPLE_ERASURE], nextCursor: null },
    description: 'A page of erasures',
  })
  async list(@Query() { state, cursor, limit = 100 }: ListErasuresQuery): Promise<ErasurePageView> {
    const query = { limit, ...(state === undefined ? {} : { state }), ...(cursor === undefined ? {} : { cursor }) };
    const { items, nextCursor } = await this.erasures.list(query);
    return { items: items.map(erasureView), nextCursor };
  }

  @Get('erasures/:id')
  @Scope('guest:erase')
  @Problems({ 404: [erasureNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'getErasure', summary: 'See what became of an erasure' })
  @ApiResponse({ status: 200, type: ErasureView, example: EXAMPLE_ERASURE, description: 'The erasure as it is now' })
  async get(@Param() { id }: IdPath): Promise<ErasureView> {
    return erasureView(await this.erasures.get(id));
  }

  @Post('erasures/:id/done-by-hand')
  @HttpCode(200)
  @Idempotent()
  @Scope('guest:erase')
  @Problems({ 404: [erasureNotFound(EXAMPLE_ID), placeNotFound(EXAMPLE_ID, 'crm/rest')] })
  @ApiOperation({
    operationId: 'erasedByHand',
    summary: 'Say that somebody has erased by hand what is in one place',
    description:
      'Nothing more is tried there. Who said so stands in the trail, under `system:erasure`. Safe to repeat.',
  })
  @ApiResponse({ status: 200, type: ErasureView, example: EXAMPLE_ERASURE, description: 'The erasure as it is now' })
  async doneByHand(@Param() { id }: IdPath, @Body() { place }: DoneByHandBody): Promise<ErasureView> {
    return erasureView(await this.erasures.doneByHand(id, place));
  }
}
