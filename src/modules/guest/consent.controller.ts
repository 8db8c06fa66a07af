import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOperation, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Open, Scope } from '../../http/access.js';
import { IdPath } from '../../http/id-path.js';
import { PageQuery } from '../../http/page-query.js';
import { Idempotent } from '../../http/idempotent.js';
import { HEADER, Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import {
  ConsentPageView,
  consentPageView,
  ConsentPath,
  ConsentView,
  consentView,
  KeySetView,
  keySetView,
  RecordConsentBody,
  showingWhatStands,
  shownStale,
  SignedReceiptView,
  signedReceiptView,
  wantedConsent,
} from './consent.dto.js';
import { consentInvalid, consentNotFound, ConsentStale } from './consent.errors.js';
import { ConsentService } from './consent.service.js';
import { guestClosed, guestNotFound } from './guest.errors.js';

const KEY_SET_TYPE = 'application/jwk-set+json';

@ApiTags('consents')
@ApiExtraModels(KeySetView)
@Controller('v1')
export class ConsentController {
  constructor(private readonly consents: ConsentService) {}

  @Post('guests/:id/consents')
  @Scope('guest:write')
  @Idempotent(({ id }) => `guest:${id}`)
  @Problems({
    400: [consentInvalid([{ pointer: '/at', rule: 'future', message: 'must not be later than now' }])],
    404: [guestNotFound(EXAMPLE_ID)],
    409: [shownStale(new ConsentStale(null, new Date('2026-01-01T09:00:00.000Z'))), guestClosed(EXAMPLE_ID, 'erased')],
  })
  @ApiOperation({
    operationId: 'recordConsent',
    summary: 'Record that a guest gave or withdrew consent',
    description:
      'The latest decision for a purpose is what the guest shows under `consent`. Withdrawing stops what waits to be sent. ' +
      'Also possible when the session is over.',
  })
  @ApiResponse({
    status: 201,
    type: ConsentView,
    description: 'The decision, recorded; its receipt is at the Location',
    headers: { Location: HEADER.Location },
  })
  async record(
    @Param() { id }: IdPath,
    @Body() body: RecordConsentBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ConsentView> {
    const record = await showingWhatStands(this.consents.record(id, wantedConsent(body)));
    reply.header('Location', `/v1/guests/${id}/consents/${record.id}/receipt`);
    return consentView(record);
  }

  @Get('guests/:id/consents')
  @Scope('guest:read')
  @Problems({ 404: [guestNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'listConsents', summary: 'Read what a guest decided, oldest first' })
  @ApiResponse({ status: 200, type: ConsentPageView, description: 'A page of decisions' })
  async list(@Param() { id }: IdPath, @Query() { cursor, limit = 100 }: PageQuery): Promise<ConsentPageView> {
    return consentPageView(await this.consents.list(id, cursor, limit));
  }

  @Get('guests/:id/consents/:consentId/receipt')
  @Scope('guest:read')
  @Problems({ 404: [guestNotFound(EXAMPLE_ID), consentNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'getConsentReceipt', summary: 'A signed receipt that anybody can check offline' })
  @ApiResponse({ status: 200, type: SignedReceiptView, description: 'The receipt' })
  async receipt(@Param() { id, consentId }: ConsentPath): Promise<SignedReceiptView> {
    return signedReceiptView(await this.consents.receipt(id, consentId));
  }

  @Get('consents/keys')
  @Open()
  @Header('Content-Type', KEY_SET_TYPE)
  @ApiOperation({ operationId: 'listConsentKeys', summary: 'The public keys of consent receipts (RFC 7517, RFC 8037)' })
  @ApiResponse({
    status: 200,
    description: 'The keys, newest first',
    content: { [KEY_SET_TYPE]: { schema: { $ref: getSchemaPath(KeySetView) } } },
  })
  keys(): KeySetView {
    return keySetView(this.consents.keys());
  }
}
