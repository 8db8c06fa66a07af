import { Controller, Get, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ForWidgets, Scope } from '../../http/access.js';
import { callerBehind } from '../../http/callers.js';
import { goneSignal, sendEvents } from '../../http/event-stream.js';
import { IdPath } from '../../http/id-path.js';
import { Idempotent } from '../../http/idempotent.js';
import { Problems } from '../../http/openapi.js';
import {
  ClosedEventView,
  StateEventView,
  STREAM_DESCRIPTION,
  STREAM_EXAMPLE,
  STREAM_SCHEMA,
  streamEvents,
  TypingEventView,
} from './live.dto.js';
import { whileAllowed } from './live.leave.js';
import { LiveService } from './live.service.js';

@ApiTags('messages')
@ApiExtraModels(TypingEventView, StateEventView, ClosedEventView)
@Controller('v1/guests/:id')
@Scope('guest:message')
export class LiveController {
  constructor(private readonly live: LiveService) {}

  @Post('typing')
  @ForWidgets()
  @HttpCode(202)
  @Idempotent(({ id }) => `guest:${id}`)
  @Problems({
    400: ['request.invalid'],
    403: ['consent.required'],
    404: ['guest.not_found'],
    409: ['guest.widget_led', 'guest.closed'],
  })
  @ApiOperation({
    operationId: 'typeAsGuest',
    summary: 'Say that a server-led guest types',
    description:
      'Call it as often as keys are pressed: Genesys is told at most once in five seconds, which is all it takes, and the rest is absorbed. ' +
      "Nothing is kept: what cannot be told at once, because the guest's socket is away or held by another instance, is dropped.",
  })
  @ApiResponse({ status: 202, description: 'Accepted, which does not say that anybody will see it' })
  async type(@Param() { id }: IdPath): Promise<void> {
    await this.live.types(id);
  }

  @Get('events')
  @ForWidgets()
  @Problems({
    400: ['request.invalid', 'events.unknown_id'],
    404: ['guest.not_found'],
    429: ['events.too_many_streams'],
    503: ['events.leaving'],
  })
  @ApiOperation({
    operationId: 'followGuest',
    summary: 'Follow what is said and what becomes of a guest, live',
    description: STREAM_DESCRIPTION,
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event received' })
  @ApiResponse({
    status: 200,
    description: 'Events, until the guest is closed, the token is no good any more, or somebody hangs up',
    content: { 'text/event-stream': { schema: STREAM_SCHEMA, example: STREAM_EXAMPLE } },
  })
  @ApiResponse({
    status: 204,
    description: 'Last-Event-ID was that of the last event there will be: do not connect again',
  })
  async follow(
    @Param() { id }: IdPath,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ended = new AbortController();
    const gone = AbortSignal.any([goneSignal(reply), ended.signal]);
    // An id that is empty is none (WHATWG HTML §9.2.4).
    const events = await this.live.follow(id, lastEventId || null, gone);
    if (events === null) return void reply.status(204).send();
    const holds = callerBehind(reply.request)?.holds;
    const allowed = holds === undefined ? events : whileAllowed(events, holds, () => ended.abort());
    await sendEvents(reply, streamEvents(allowed));
  }
}
