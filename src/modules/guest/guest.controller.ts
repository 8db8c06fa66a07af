import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ForWidgets, Scope } from '../../http/access.js';
import { Problems } from '../../http/openapi.js';
import { etagOf, ifMatch, notModified, requireIfMatch } from '../../http/etag.js';
import { IdPath } from '../../http/id-path.js';
import { Concerns } from '../../http/idempotency.interceptor.js';
import { ConversationService } from './conversation.service.js';
import {
  conditionOf,
  CreateGuestBody,
  GuestPageView,
  guestPageView,
  guestPatch,
  guestQuery,
  GuestView,
  guestView,
  ListGuestsQuery,
  PatchGuestBody,
  PatchQuery,
  ReportMessageBody,
  shownConflict,
  wantedGuest,
} from './guest.dto.js';
import { GuestConflict } from './guest.conflict.js';
import type { Guest } from './guest.js';
import { GuestService } from './guest.service.js';
import { GuestSettings } from './guest.settings.js';

@ApiTags('guests')
@Controller('v1/guests')
export class GuestController {
  constructor(
    private readonly guests: GuestService,
    private readonly conversations: ConversationService,
    private readonly settings: GuestSettings,
  ) {}

  @Post()
  @Scope('guest:write')
  @Concerns((_, guest) => `guest:${(guest as GuestView).id}`)
  @Problems({ 400: ['request.invalid', 'identity.invalid', 'guest.attributes_refused'], 403: ['consent.required'] })
  @ApiOperation({ operationId: 'createGuest', summary: 'Start a guest session' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Makes the request safe to repeat for 24 hours' })
  @ApiResponse({
    status: 201,
    type: GuestView,
    headers: { ETag: etagHeader(), Location: { schema: { type: 'string' } } },
  })
  async create(@Body() body: CreateGuestBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<GuestView> {
    const guest = await this.guests.create(wantedGuest(body));
    reply.header('Location', `/v1/guests/${guest.id}`);
    return this.show(guest, reply);
  }

  @Get()
  @Scope('guest:read')
  @Problems({ 400: ['request.invalid'] })
  @ApiOperation({ operationId: 'listGuests', summary: 'Find guests, newest first' })
  @ApiResponse({ status: 200, type: GuestPageView })
  async list(@Query() query: ListGuestsQuery): Promise<GuestPageView> {
    return guestPageView(await this.guests.list(guestQuery(query)), this.settings);
  }

  @Get(':id')
  @Scope('guest:read')
  @ForWidgets()
  @Problems({ 404: ['guest.not_found'] })
  @ApiOperation({ operationId: 'getGuest', summary: 'Read a guest' })
  @ApiHeader({ name: 'If-None-Match', required: false })
  @ApiResponse({ status: 200, type: GuestView, headers: { ETag: etagHeader() } })
  @ApiResponse({ status: 304, description: 'The version in If-None-Match is the current one' })
  async get(
    @Param() { id }: IdPath,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView | undefined> {
    const guest = await this.guests.get(id);
    if (!notModified(ifNoneMatch, guest.version)) return this.show(guest, reply);
    reply.status(304).header('ETag', etagOf(guest.version));
    return undefined;
  }

  @Patch(':id')
  @Concerns(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({
    400: ['request.invalid', 'guest.attributes_refused'],
    404: ['guest.not_found'],
    409: ['guest.closed', 'guest.overlapping_change', 'guest.unknown_base'],
    412: ['guest.version_mismatch'],
    428: ['http.precondition_required'],
  })
  @ApiOperation({
    operationId: 'updateGuest',
    summary: 'Change consent, context or attributes by a merge patch (RFC 7396)',
  })
  @ApiHeader({ name: 'If-Match', required: true, description: 'The ETag the change is based on; `*` with `?base=`' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Makes the request safe to repeat for 24 hours' })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: PatchGuestBody })
  @ApiResponse({ status: 200, type: GuestView, headers: { ETag: etagHeader() } })
  async patch(
    @Param() { id }: IdPath,
    @Query() { base }: PatchQuery,
    @Headers('if-match') header: string | undefined,
    @Body() body: PatchGuestBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView> {
    const condition = conditionOf(requireIfMatch(header), base);
    return this.show(await this.conditionally(this.guests.patch(id, guestPatch(body), condition)), reply);
  }

  @Post(':id/close')
  @HttpCode(200)
  @Concerns(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({ 404: ['guest.not_found'], 412: ['guest.version_mismatch'] })
  @ApiOperation({
    operationId: 'closeGuest',
    summary: 'Close a guest',
    description: 'The guest is `closing` until Genesys has ended the conversation, then `closed`. Safe to repeat.',
  })
  @ApiHeader({ name: 'If-Match', required: false })
  @ApiResponse({ status: 200, type: GuestView, headers: { ETag: etagHeader() } })
  async close(
    @Param() { id }: IdPath,
    @Headers('if-match') header: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView> {
    const condition = conditionOf(ifMatch(header) ?? '*');
    return this.show(await this.conditionally(this.guests.close(id, condition)), reply);
  }

  @Post(':id/link')
  @HttpCode(202)
  @Concerns(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({ 400: ['request.invalid'], 404: ['guest.not_found'], 409: ['guest.server_led'] })
  @ApiOperation({
    operationId: 'linkGuest',
    summary: 'Report a message of a widget-led guest, so that its conversation is found',
  })
  @ApiResponse({ status: 202, description: 'The conversation is looked for; the guest shows when it is linked' })
  async link(@Param() { id }: IdPath, @Body() { messageId }: ReportMessageBody): Promise<void> {
    await this.conversations.reported(id, messageId);
  }

  private show(guest: Guest, reply: FastifyReply): GuestView {
    reply.header('ETag', etagOf(guest.version));
    return guestView(guest, this.settings);
  }

  /** A conflict shows the guest as it is now, the way a reader would see it. */
  private async conditionally(changed: Promise<Guest>): Promise<Guest> {
    try {
      return await changed;
    } catch (error) {
      throw error instanceof GuestConflict ? shownConflict(error, this.settings) : error;
    }
  }
}

function etagHeader(): { description: string; schema: { type: 'string' } } {
  return { description: 'The version, as a strong entity tag', schema: { type: 'string' } };
}
