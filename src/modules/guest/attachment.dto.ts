import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { IdPath } from '../../http/id-path.js';
import { UUID } from '../../kernel/uuid.js';
import type { ReadableAttachment } from './attachment.js';

export class AttachmentPath extends IdPath {
  @ApiProperty({ format: 'uuid', description: 'As answers show it', example: '01890a5d-ac96-774b-bcce-b302099a8058' })
  @Matches(UUID, { message: 'must be a UUID in lower case, as answers show it' })
  attachmentId: string;
}

export class AttachmentView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({
    enum: ['queued', 'uploaded', 'received', 'refused', 'expired'],
    description:
      '`queued` until Genesys has it, then `uploaded`; `refused` when Genesys will not have it, `expired` when it cannot get there any more, or ' +
      'cannot be had from there. Files of the other side are `received`',
  })
  status: string;
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: null,
    description: 'Why it is `refused` or `expired`, as `genesys.file_type`',
  })
  code: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: 'order.pdf', description: 'Null when it was erased' })
  fileName: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: 'application/pdf', description: 'Null when it was erased' })
  mediaType: string | null;
  @ApiProperty({
    type: 'integer',
    nullable: true,
    description: 'Bytes; null when the other side did not say',
    example: 48_213,
  })
  size: number | null;
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true, description: 'Of the message that carries it' })
  messageId: string | null;
  @ApiProperty({ format: 'date-time' }) at: string;
}

export const attachmentView = (attachment: ReadableAttachment): AttachmentView => {
  const { id, status, code, about, size, messageId, at } = attachment;
  const { fileName = null, mediaType = null } = about ?? {};
  return { id, status, code, fileName, mediaType, size, messageId, at: at.toISOString() };
};
