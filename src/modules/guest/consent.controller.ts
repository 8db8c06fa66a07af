import { Body, Controller, Get, Header, Param, Post, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiResponse, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AppError } from '../../kernel/app-error.js';
import { Open, Scope } from '../../http/access.js';
import { IdPath } from '../../http/id-path.js';
import { Concerns } from '../../http/idempotency.interceptor.js';
import { Problems } from '../../http/openapi.js';
import type { ConsentRecord } from './consent.js';
import {
  ConsentPageView,
  consentPageView,
  ConsentPath,
  ConsentView,
  consentView,
  KeySetView,
  keySetView,
  ListConsentsQuery,
  RecordConsentBody,
  SignedReceiptView,
  signedReceiptView,
  wantedConsent,
} from './consent.dto.js';
import { ConsentStale } from './consent.errors.js';
import { ConsentService } from './consent.service.js';

const KEY_SET_TYPE = 'application/jwk-set+json';

@ApiTags('consents')
@ApiExtraModels(KeySetView)
@Controller('v1')
export class ConsentController {
  constructor(private readonly consents: ConsentService) {}

  @Post('guests/:id/consents')
  @Scope('guest:write')
  @Concerns(({ id }) => `guest:${id}`)
  @Problems({
    400: ['request.invalid', 'consent.invalid'],
    404: ['guest.not_found'],
    409: ['consent.stale', 'guest.closed'],
  })
  @ApiOperation({
    operationId: 'recordConsent',
    summary: 'Record that a guest gave or withdrew consent',
    description:
      'The latest decision for a purpose is what the guest shows under `consent`. Withdrawing stops what waits to be sent. ' +
      'Also possible when the session is over.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Makes the request safe to repeat for 24 hours' })
  @ApiResponse({
    status: 201,
    type: ConsentView,
    headers: { Location: { description: 'The receipt', schema: { type: 'string' } } },
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
  @Problems({ 400: ['request.invalid'], 404: ['guest.not_found'] })
  @ApiOperation({ operationId: 'listConsents', summary: 'Read what a guest decided, oldest first' })
  @ApiResponse({ status: 200, type: ConsentPageView })
  async list(@Param() { id }: IdPath, @Query() { cursor, limit = 100 }: ListConsentsQuery): Promise<ConsentPageView> {
    return consentPageView(await this.consents.list(id, cursor, limit));
  }

  @Get('guests/:id/consents/:consentId/receipt')
  @Scope('guest:read')
  @Problems({ 400: ['request.invalid'], 404: ['guest.not_found', 'consent.not_found'] })
  @ApiOperation({ operationId: 'getConsentReceipt', summary: 'A signed receipt that anybody can check offline' })
  @ApiResponse({ status: 200, type: SignedReceiptView })
  async receipt(@Param() { id, consentId }: ConsentPath): Promise<SignedReceiptView> {
    return signedReceiptView(await this.consents.receipt(id, consentId));
  }

  @Get('consents/keys')
  @Open()
  @Header('Content-Type', KEY_SET_TYPE)
  @Problems({ 405: ['http.method_not_allowed'] })
  @ApiOperation({ operationId: 'listConsentKeys', summary: 'The public keys of consent receipts (RFC 7517, RFC 8037)' })
  @ApiResponse({ status: 200, content: { [KEY_SET_TYPE]: { schema: { $ref: getSchemaPath(KeySetView) } } } })
  keys(): KeySetView {
    return keySetView(this.consents.keys());
  }
}

/** Who comes too late sees the record that stands, the way a reader would; null when it is what was said at creation. */
async function showingWhatStands(recorded: Promise<ConsentRecord>): Promise<ConsentRecord> {
  try {
    return await recorded;
  } catch (error) {
    if (!(error instanceof ConsentStale)) throw error;
    const { kind, code, message, current } = error;
    throw new AppError(kind, code, message, {
      extra: { current: current === null ? null : consentView(current) },
      cause: error,
    });
  }
}
