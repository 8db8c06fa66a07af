import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, IsString, Matches } from 'class-validator';
import { UUID } from '../../kernel/uuid.js';
import { invalid, MayBeAbsent } from '../../http/validation.js';
import { attachmentView, AttachmentView } from './attachment.dto.js';
import type { ReadableMessage, Words } from './message.js';
import type { ReadableMessagePage } from './message.service.js';

/** A message carries at most this many files. */
const MOST_ATTACHMENTS = 10;

export class SendMessageBody {
  @ApiPropertyOptional({
    pattern: '\\S',
    description: 'At most 4,096 bytes of UTF-8, with something to see in it. May be absent when `attachmentIds` is not',
    example: 'Where is my order?',
  })
  @MayBeAbsent()
  @Matches(/[^\s\p{Cf}]/u, { message: 'must hold more than white space' })
  @IsString()
  text?: string;

  @ApiPropertyOptional({
    type: [String],
    format: 'uuid',
    minItems: 1,
    maxItems: MOST_ATTACHMENTS,
    uniqueItems: true,
    description: 'Files of this guest that no message carries yet. The message goes when Genesys has them all',
    example: ['01890a5d-ac96-774b-bcce-b302099a8057'],
  })
  @MayBeAbsent()
  @Matches(UUID, { each: true, message: 'must be UUIDs in lower case, as answers show them' })
  @ArrayUnique({ message: 'must name each file once' })
  @ArrayMaxSize(MOST_ATTACHMENTS)
  @IsArray()
  attachmentIds?: string[];
}

/** What is to be said. @throws AppError `request.invalid` when that is nothing */
export function wordsOf({ text = '', attachmentIds = [] }: SendMessageBody): Words {
  if (text === '' && attachmentIds.length === 0)
    throw invalid(
      [{ pointer: '/text', rule: 'required', message: 'is required unless attachmentIds names a file' }],
      'body',
    );
  return { text, attachmentIds };
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
  @ApiProperty({ type: [AttachmentView], description: 'The files it carries' }) attachments: AttachmentView[];
}

export class MessagePageView {
  @ApiProperty({ type: [MessageView] }) items: MessageView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export const messageView = ({ id, from, status, text, at, attachments }: ReadableMessage): MessageView => ({
  id,
  from,
  status,
  text,
  at: at.toISOString(),
  attachments: attachments.map(attachmentView),
});

export const messagePageView = (page: ReadableMessagePage): MessagePageView => ({
  items: page.items.map(messageView),
  nextCursor: page.nextCursor,
});
