import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ForWidgets, Scope } from '../../http/access.js';
import { FileBody, TakesFile } from '../../http/file-body.js';
import { IdPath } from '../../http/id-path.js';
import { Concerns } from '../../http/idempotency.interceptor.js';
import { HEADER, Problems } from '../../http/openapi.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { FILE_MAX_BYTES } from './attachment.js';
import { attachmentView, AttachmentPath, AttachmentView } from './attachment.dto.js';
import {
  attachmentNotFound,
  attachmentsWaiting,
  emptyFile,
  filesNotTaken,
  fileTooLarge,
  nameRefused,
  typeRefused,
} from './attachment.errors.js';
import { AttachmentService, MOST_FILES_WAITING } from './attachment.service.js';
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
  @Concerns(({ id }) => `guest:${id}`)
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
}
