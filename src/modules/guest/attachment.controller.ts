import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ForWidgets, Scope } from '../../http/access.js';
import { FileBody, TakesFile } from '../../http/file-body.js';
import { IdPath } from '../../http/id-path.js';
import { Idempotent } from '../../http/idempotent.js';
import { HEADER, Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { CONTENT_MAX_BYTES, FILE_MAX_BYTES } from './attachment.js';
import { attachmentView, AttachmentPath, AttachmentView } from './attachment.dto.js';
import {
  attachmentExpired,
  attachmentNotFound,
  attachmentsWaiting,
  beingLocated,
  contentTooLarge,
  emptyFile,
  filesNotTaken,
  fileTooLarge,
  nameRefused,
  typeRefused,
} from './attachment.errors.js';
import { AttachmentService, MOST_FILES_WAITING } from './attachment.service.js';
import { goneSignal } from '../../http/event-stream.js';
import { FILE_TYPES, sendFile } from '../../http/file-answer.js';
import { consentNotLive } from './consent.errors.js';
import { guestClosed, guestNotFound, widgetLed } from './guest.errors.js';

@ApiTags('messages')
@Controller('v1/guests/:id/attachments')
@Scope('guest:message')
export class AttachmentController {
  constructor(private readonly attachments: AttachmentService) {}

  @Post()
  @TakesFile(FILE_MAX_BYTES)
  @ForWidgets()
  @HttpCode(202)
  @Idempotent(({ id }) => `guest:${id}`)
  @Problems({
    400: ['http.bad_header'],
    403: [consentNotLive(EXAMPLE_ID, 'dataProcessing')],
    404: [guestNotFound(EXAMPLE_ID)],
    409: [widgetLed(EXAMPLE_ID), guestClosed(EXAMPLE_ID, 'closed'), filesNotTaken()],
    413: [fileTooLarge('must not be larger than the 1048576 bytes the deployment allows')],
    415: [typeRefused(['image/png', 'application/pdf'])],
    422: [emptyFile(), nameRefused('must have an extension')],
    429: [attachmentsWaiting(EXAMPLE_ID, MOST_FILES_WAITING)],
  })
  @ApiOperation({
    operationId: 'addAttachment',
    summary: 'Add a file for a message of a server-led guest',
    description:
      `The body is the file, at most ${FILE_MAX_BYTES} bytes, of a type and size that the deployment lets guests send. It is uploaded to Genesys and goes ` +
      `with the message that names its \`id\` in \`attachmentIds\`. When ${MOST_FILES_WAITING} of a guest wait, no more are taken until some have gone.`,
  })
  @ApiConsumes('application/octet-stream', 'image/png', 'image/jpeg', 'application/pdf')
  @ApiBody({ description: 'The file, as any media type but JSON', schema: { type: 'string', format: 'binary' } })
  @ApiHeader({
    name: 'Content-Disposition',
    required: true,
    description: "The name of the file (RFC 6266); `filename*=UTF-8''…` for what is not ASCII",
    schema: { type: 'string', example: 'attachment; filename="order.pdf"' },
  })
  @ApiResponse({
    status: 202,
    type: AttachmentView,
    headers: { Location: HEADER.Location },
    description: 'Accepted, and on its way to Genesys',
  })
  async add(
    @Param() { id }: IdPath,
    @Body() { fileName, mediaType, bytes }: FileBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AttachmentView> {
    const view = attachmentView(await this.attachments.add(id, { fileName, mediaType, bytes }));
    void reply.header('location', `/v1/guests/${id}/attachments/${view.id}`);
    return view;
  }

  @Get(':attachmentId')
  @ForWidgets()
  @Problems({ 404: [guestNotFound(EXAMPLE_ID), attachmentNotFound(EXAMPLE_ID)] })
  @ApiOperation({ operationId: 'getAttachment', summary: 'Read what became of a file' })
  @ApiResponse({ status: 200, type: AttachmentView, description: 'The file, without its bytes' })
  async get(@Param() { id, attachmentId }: AttachmentPath): Promise<AttachmentView> {
    return attachmentView(await this.attachments.get(id, attachmentId));
  }

  @Get(':attachmentId/content')
  @ForWidgets()
  @Problems({
    403: [consentNotLive(EXAMPLE_ID, 'dataProcessing')],
    404: [guestNotFound(EXAMPLE_ID), attachmentNotFound(EXAMPLE_ID)],
    410: [attachmentExpired(EXAMPLE_ID)],
    429: ['genesys.throttled'],
    502: [contentTooLarge(CONTENT_MAX_BYTES), 'genesys.file_host'],
    503: [beingLocated(EXAMPLE_ID), 'genesys.unavailable'],
  })
  @ApiOperation({
    operationId: 'getAttachmentContent',
    summary: 'Read what is in a file',
    description:
      'Files of either side. What still waits for Genesys comes from here, all else from Genesys as it is asked for, and nothing of it is kept. Genesys lets ' +
      'go of a file some time after its conversation: then it is gone (410). An answer that breaks off is not whole. Treat what others have sent as you ' +
      'would any download: nobody here has looked for what is bad in it.',
  })
  @ApiResponse({
    status: 200,
    description:
      'The file. Its media type is what its sender said if that is one of these, else `application/octet-stream`',
    headers: {
      'Content-Disposition': {
        description: 'Always `attachment`, with the name of the file (RFC 6266)',
        required: true,
        schema: { type: 'string', example: 'attachment; filename="order.pdf"' },
      },
    },
    content: Object.fromEntries(
      FILE_TYPES.map((type) => [type, { schema: { type: 'string', format: 'binary' }, example: '…' }]),
    ),
  })
  async content(@Param() { id, attachmentId }: AttachmentPath, @Res() reply: FastifyReply): Promise<void> {
    await sendFile(reply, await this.attachments.content(id, attachmentId, goneSignal(reply)));
  }
}
