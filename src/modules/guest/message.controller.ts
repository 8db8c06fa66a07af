import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { ForWidgets, Scope } from '../../http/access.js';
import { IdPath } from '../../http/id-path.js';
import { PageQuery } from '../../http/page-query.js';
import { Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { Idempotent } from '../../http/idempotent.js';
import { consentNotLive } from './consent.errors.js';
import { guestClosed, guestNotFound, queueFull, tooLong, widgetLed } from './guest.errors.js';
import { MessagePageView, messagePageView, MessageView, messageView, SendMessageBody, wordsOf } from './message.dto.js';
import { MessageService, MOST_QUEUED } from './message.service.js';

@ApiTags('messages')
@Controller('v1/guests/:id/messages')
@Scope('guest:message')
export class MessageController {
  constructor(private readonly messages: MessageService) {}

  @Post()
  @ForWidgets()
  @HttpCode(202)
  @Idempotent(({ id }) => `guest:${id}`)
  @Problems({
    400: [tooLong(1)],
    403: [consentNotLive(EXAMPLE_ID, 'dataProcessing')],
    404: [guestNotFound(EXAMPLE_ID)],
    409: [widgetLed(EXAMPLE_ID), guestClosed(EXAMPLE_ID, 'closed')],
    422: ['message.attachment_refused'],
    429: [queueFull(EXAMPLE_ID, MOST_QUEUED, 5_000)],
  })
  @ApiOperation({
    operationId: 'sendMessage',
    summary: 'Write as a server-led guest',
    description: `Genesys takes a few messages a second; the rest waits. When ${MOST_QUEUED} of a guest wait, no more are taken until some have gone.`,
  })
  @ApiResponse({ status: 202, type: MessageView, description: 'Accepted, and on its way to Genesys' })
  async send(@Param() { id }: IdPath, @Body() body: SendMessageBody): Promise<MessageView> {
    const { text, attachmentIds } = wordsOf(body);
    return messageView(await this.messages.send(id, text, attachmentIds));
  }

  @Get()
  @ForWidgets()
  @Problems({ 404: [guestNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'listMessages', summary: 'Read the messages of a guest, oldest first' })
  @ApiResponse({ status: 200, type: MessagePageView, description: 'A page of messages' })
  async list(@Param() { id }: IdPath, @Query() { cursor, limit = 100 }: PageQuery): Promise<MessagePageView> {
    return messagePageView(await this.messages.list(id, cursor, limit));
  }
}
