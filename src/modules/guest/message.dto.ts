import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength } from 'class-validator';
import { MayBeAbsent, QueryInt } from '../../http/validation.js';
import type { ReadableMessage, ReadableMessagePage } from './message.service.js';

export class SendMessageBody {
  @ApiProperty({
    pattern: '\\S',
    description: 'At most 4,096 bytes of UTF-8, with something to see in it',
    example: 'Where is my order?',
  })
  @Matches(/[^\s\p{Cf}]/u, { message: 'must hold more than white space' })
  @IsString()
  text: string;
}

export class ListMessagesQuery {
  @ApiPropertyOptional({ description: '`nextCursor` of the page before' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(500)
  cursor?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 500,
    default: 100,
    description: 'The most to answer at once',
  })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 500 })
  limit?: number;
}

export class MessageView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ enum: ['guest', 'agent', 'bot'] }) from: string;
  @ApiProperty({
    enum: ['queued', 'sent', 'failed', 'received'],
    description: '`queued` until Genesys has accepted it; messages of the other side are `received`',
  })
  status: string;
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Where is my order?',
    description: 'Null when it was never known here, or erased',
  })
  text: string | null;
  @ApiProperty({ format: 'date-time' }) at: string;
}

export class MessagePageView {
  @ApiProperty({ type: [MessageView] }) items: MessageView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export const messageView = ({ id, from, status, text, at }: ReadableMessage): MessageView => ({
  id,
  from,
  status,
  text,
  at: at.toISOString(),
});

export const messagePageView = (page: ReadableMessagePage): MessagePageView => ({
  items: page.items.map(messageView),
  nextCursor: page.nextCursor,
});
