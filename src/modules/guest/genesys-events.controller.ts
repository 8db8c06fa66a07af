import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Signed } from '../../http/access.js';
import { Idempotent } from '../../http/idempotent.js';
import { FollowService } from './follow.service.js';

export class NewsTakenView {
  @ApiProperty({ description: 'Whether it was about a conversation we may have to follow; false is no fault' })
  taken: boolean;
}

const CONVERSATION = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const EVENT_BODY = {
  conversationId: CONVERSATION,
  participantId: '6ecd8c99-4036-403d-bf84-cf8400f67836',
  mediaType: 'MESSAGE',
  messageType: 'WEBMESSAGING',
  disconnectType: 'CLIENT',
};

@ApiTags('genesys')
@Controller('v1/genesys/events')
@Signed()
export class GenesysEventsController {
  constructor(private readonly followed: FollowService) {}

  @Post()
  @Idempotent()
  @HttpCode(202)
  @ApiOperation({
    operationId: 'takeGenesysEvent',
    summary: 'Tell of a conversation: from a flow, a process automation trigger or Amazon EventBridge',
    description:
      'The body is ours (`type`, `conversationId`, `guestSessionId`), or an event as Genesys Cloud has it: bare, as `{ topicName, eventBody }`, or as EventBridge wraps it. What is told is only where to look: the conversation is read before anything changes, so events may come twice and out of order.',
  })
  @ApiHeader({
    name: 'webhook-id',
    required: true,
    description: 'The same when it is sent again',
    schema: { type: 'string' },
    example: 'evt_2f7c1e',
  })
  @ApiHeader({
    name: 'webhook-timestamp',
    required: true,
    description: 'Seconds since 1970, within five minutes of now',
    schema: { type: 'string' },
    example: '1795341600',
  })
  @ApiBody({
    schema: { type: 'object', additionalProperties: true },
    examples: {
      flow: {
        summary: 'A flow’s or workflow’s data action, in our form',
        value: {
          type: 'conversation.started',
          conversationId: CONVERSATION,
          guestSessionId: '01890a5d-ac96-774b-bcce-b302099a8057',
        },
      },
      trigger: { summary: 'A trigger’s event, passed on as it is', value: EVENT_BODY },
      eventBridge: {
        summary: 'Amazon EventBridge',
        value: {
          'detail-type': 'v2.detail.events.conversation.{id}.customer.end',
          source: 'aws.partner/genesys.com/cloud/5a4d0b0c-0000-4000-8000-00000000a001/guests',
          detail: {
            topicName: `v2.detail.events.conversation.${CONVERSATION}.customer.end`,
            version: '2',
            eventBody: EVENT_BODY,
          },
        },
      },
    },
  })
  @ApiResponse({ status: 202, type: NewsTakenView, description: 'Taken; it will not be lost' })
  async take(@Body() body: unknown): Promise<NewsTakenView> {
    return { taken: await this.followed.takeNews(body) };
  }
}
