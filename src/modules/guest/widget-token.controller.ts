import { Body, Controller, Delete, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Scope } from '../../http/access.js';
import { IdPath } from '../../http/id-path.js';
import { Idempotent } from '../../http/idempotent.js';
import { Problems } from '../../http/openapi.js';
import { MakeWidgetTokenBody, WidgetTokenView, widgetTokenView } from './widget-token.dto.js';
import { WidgetTokenService } from './widget-token.service.js';
import { WIDGET_TOKEN_SECONDS } from './widget-token.js';

@ApiTags('widget tokens')
@Controller('v1/guests/:id/widget-tokens')
@Scope('guest:write')
export class WidgetTokenController {
  constructor(private readonly tokens: WidgetTokenService) {}

  @Post()
  @Idempotent(({ id }) => `guest:${id}`)
  // RFC 6749 §5.1: an answer that holds a token is not to be stored anywhere.
  @Header('Cache-Control', 'no-store')
  @Problems({ 400: ['request.invalid'], 404: ['guest.not_found'], 409: ['guest.closed'] })
  @ApiOperation({
    operationId: 'makeWidgetToken',
    summary: 'Make a short-lived token with which a page may act as this guest, and nobody else',
    description:
      'To be made by a back end and handed to its page. Requests with it must carry an `Origin` that is in the list. ' +
      'Tokens made before stay good until they expire, so that a page can change over.',
  })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'Makes the request safe to repeat for 24 hours' })
  @ApiResponse({ status: 201, type: WidgetTokenView })
  async make(
    @Param() { id }: IdPath,
    @Body() { origins, expiresIn = WIDGET_TOKEN_SECONDS.default }: MakeWidgetTokenBody,
  ): Promise<WidgetTokenView> {
    return widgetTokenView(await this.tokens.make(id, origins, expiresIn));
  }

  @Delete()
  @HttpCode(204)
  @Problems({ 400: ['request.invalid'], 404: ['guest.not_found'] })
  @ApiOperation({
    operationId: 'revokeWidgetTokens',
    summary: 'Revoke every widget token of this guest, at once',
    description: 'Streams that were opened with one end within 2 seconds.',
  })
  @ApiResponse({ status: 204, description: 'None of them is good any more. Safe to repeat' })
  async revokeAll(@Param() { id }: IdPath): Promise<void> {
    await this.tokens.revokeAll(id);
  }
}
