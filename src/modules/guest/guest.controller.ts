import { Body, Controller, Get, Headers, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ForWidgets, Scope } from '../../http/access.js';
import { preconditionRequired } from '../../http/http.errors.js';
import { HEADER, Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { etagOf, ifMatch, notModified, requireIfMatch } from '../../http/etag.js';
import { IdPath } from '../../http/id-path.js';
import { Idempotent } from '../../http/idempotent.js';
import { ConversationService } from './conversation.service.js';
import {
  conditionOf,
  CreateGuestBody,
  guestPatch,
  guestQuery,
  ListGuestsQuery,
  PatchGuestBody,
  PatchQuery,
  ReportMessageBody,
  wantedGuest,
} from './guest.dto.js';
import { consentNotLive } from './consent.errors.js';
import { overlappingChange, staleView, unknownBase, versionMismatch } from './guest.conflict.js';
import { consentRequired, guestClosed, guestNotFound, serverLed, widgetSignsInItself } from './guest.errors.js';
import { attributesRefused, EXAMPLE_GUEST, EXAMPLE_VIEW, identityInvalid } from './guest.examples.dto.js';
import type { Guest } from './guest.js';
import { GuestService } from './guest.service.js';
import { GuestSettings } from './guest.settings.js';
import { conflictsShown, GuestPageView, guestPageView, GuestView, guestView, shownConflict } from './guest.view.dto.js';

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
  @Idempotent((_, guest) => `guest:${(guest as GuestView).id}`)
  @Problems({
    400: [identityInvalid(), attributesRefused(), widgetSignsInItself()],
    403: [consentRequired()],
  })
  @ApiOperation({ operationId: 'createGuest', summary: 'Start a guest session' })
  @ApiResponse({
    status: 201,
    type: GuestView,
    example: { ...EXAMPLE_VIEW, version: 1 },
    description: 'The guest, stored; nobody was waited for',
    headers: { ETag: HEADER.ETag, Location: HEADER.Location, 'Personal-Data-Masked': HEADER.PersonalDataMasked },
  })
  async create(@Body() body: CreateGuestBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<GuestView> {
    const wanted = wantedGuest(body);
    const guest = await this.guests.create(wanted);
    tellMasked(this.guests.maskedIn(wanted), reply);
    reply.header('Location', `/v1/guests/${guest.id}`);
    return this.show(guest, reply);
  }

  @Get()
  @Scope('guest:read')
  @ApiOperation({ operationId: 'listGuests', summary: 'Find guests, newest first' })
  @ApiResponse({
    status: 200,
    type: GuestPageView,
    example: { items: [EXAMPLE_VIEW], nextCursor: null },
    description: 'A page of guests',
  })
  async list(@Query() query: ListGuestsQuery): Promise<GuestPageView> {
    return guestPageView(await this.guests.list(guestQuery(query)), this.settings);
  }

  @Get(':id')
  @Scope('guest:read')
  @ForWidgets()
  @Problems({ 404: [guestNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'getGuest', summary: 'Read a guest' })
  @ApiHeader({
    name: 'If-None-Match',
    required: false,
    description: 'ETags the reader has, or `*`; compared weakly (RFC 9110 §13.1.2)',
    schema: { type: 'string', example: '"2"' },
  })
  @ApiResponse({
    status: 200,
    type: GuestView,
    example: EXAMPLE_VIEW,
    description: 'The guest as it is now',
    headers: { ETag: HEADER.ETag },
  })
  @ApiResponse({
    status: 304,
    description: 'The version in If-None-Match is the current one',
    headers: { ETag: HEADER.ETag },
  })
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
  @Idempotent(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({
    400: [attributesRefused()],
    403: [consentNotLive(EXAMPLE_ID, 'dataProcessing', ['/attributes/source'])],
    404: [guestNotFound(EXAMPLE_ID)],
    409: [
      guestClosed(EXAMPLE_ID, 'closed'),
      shownConflict(overlappingChange(EXAMPLE_GUEST, ['/attributes/source']), EXAMPLE_VIEW),
      shownConflict(unknownBase(EXAMPLE_GUEST, ['/attributes/source']), EXAMPLE_VIEW),
    ],
    412: [shownConflict(versionMismatch(EXAMPLE_GUEST, ['/attributes/source']), EXAMPLE_VIEW)],
    428: [preconditionRequired()],
  })
  @ApiOperation({
    operationId: 'updateGuest',
    summary: 'Change consent, context or attributes by a merge patch (RFC 7396)',
  })
  @ApiHeader({
    name: 'If-Match',
    required: true,
    description:
      'The ETag the change is based on, several of them, or `*`; compared strongly (RFC 9110 §13.1.1). With `?base=`: `*`',
    schema: { type: 'string', example: '"1"' },
  })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: PatchGuestBody })
  @ApiResponse({
    status: 200,
    type: GuestView,
    example: EXAMPLE_VIEW,
    description: 'The guest as it is now',
    headers: { ETag: HEADER.ETag, 'Personal-Data-Masked': HEADER.PersonalDataMasked },
  })
  async patch(
    @Param() { id }: IdPath,
    @Query() { base }: PatchQuery,
    @Headers('if-match') header: string | undefined,
    @Body() body: PatchGuestBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView> {
    const condition = conditionOf(requireIfMatch(header), base);
    const patch = guestPatch(body);
    const guest = await conflictsShown(this.guests.patch(id, patch, condition), this.settings);
    tellMasked(this.guests.maskedIn(patch), reply);
    return this.show(guest, reply);
  }

  @Post(':id/close')
  @HttpCode(200)
  @Idempotent(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({
    404: [guestNotFound(EXAMPLE_ID)],
    412: [shownConflict(staleView(EXAMPLE_GUEST, []), EXAMPLE_VIEW)],
  })
  @ApiOperation({
    operationId: 'closeGuest',
    summary: 'Close a guest',
    description: 'The guest is `closing` until Genesys has ended the conversation, then `closed`. Safe to repeat.',
  })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'Closes only these versions; whatever the version is when absent',
    schema: { type: 'string', example: '"2"' },
  })
  @ApiResponse({
    status: 200,
    type: GuestView,
    example: EXAMPLE_VIEW,
    description: 'The guest as it is now',
    headers: { ETag: HEADER.ETag },
  })
  async close(
    @Param() { id }: IdPath,
    @Headers('if-match') header: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<GuestView> {
    const condition = conditionOf(ifMatch(header) ?? '*');
    return this.show(await conflictsShown(this.guests.close(id, condition), this.settings), reply);
  }

  @Post(':id/link')
  @HttpCode(202)
  @Idempotent(({ id }) => `guest:${id}`)
  @Scope('guest:write')
  @Problems({ 404: [guestNotFound(EXAMPLE_ID)], 409: [serverLed(EXAMPLE_ID)] })
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
}

/** A list of strings (RFC 9651): a caller whose text was changed can see it. */
function tellMasked(pointers: readonly string[], reply: FastifyReply): void {
  if (pointers.length > 0) reply.header('Personal-Data-Masked', pointers.map((pointer) => `"${pointer}"`).join(', '));
}
