import type { FastifyInstance } from 'fastify';
import { arrivalOf } from '../../arrival.js';
import type { JsonObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import {
  AttachmentRefused,
  attachmentContent,
  MAX_FILE_BYTES,
  type Attachment,
  type Attachments,
  type SentFile,
} from './attachments.js';
import { event, GuestError, response, type Frame } from './guest-frames.js';
import type { GuestSession } from './guest-session.js';

type Signed = { Params: { id: string }; Querystring: { signature?: string; expires?: string } };

/** As Amazon S3 says it. */
const accessDenied = (message: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
const ACCESS_DENIED = accessDenied('Access Denied');
const REQUEST_EXPIRED = accessDenied('Request has expired');

const uploadHeaders = { 'x-amz-tagging': 'sandbox' } as const;

/** How files travel: announced on the socket, uploaded to a signed address, named in a message. */
export class GuestFiles {
  constructor(
    private readonly attachments: Attachments,
    private readonly url: () => string,
  ) {}

  /** `onAttachment`: answers where to put the bytes. */
  announce(session: GuestSession, frame: JsonObject, tracingId: string | undefined): Frame {
    try {
      const attachment = this.attachments.announce(session, frame);
      return response(
        'PresignedUrlResponse',
        this.presigned(attachment, this.uploadAddress(attachment), uploadHeaders),
        tracingId,
      );
    } catch (error) {
      if (!(error instanceof AttachmentRefused)) throw error;
      const body = { attachmentId: frame['attachmentId'], errorCode: error.code, errorMessage: error.message };
      return response('GenerateUrlError', body, tracingId);
    }
  }

  /** `getAttachment`: answers where to read them. */
  locate(session: GuestSession, frame: JsonObject, tracingId: string | undefined): Frame {
    const attachment = this.attachments.uploaded(session, frame['attachmentId']);
    return response(
      'PresignedUrlResponse',
      this.presigned(attachment, this.downloadAddress(attachment), {}),
      tracingId,
    );
  }

  /** `deleteAttachment`: takes back what was uploaded and not sent. */
  remove(session: GuestSession, frame: JsonObject, tracingId: string | undefined): Frame {
    const attachment = this.attachments.uploaded(session, frame['attachmentId']);
    if (attachment.sent) throw new GuestError(4009, 'attachment not found');
    this.attachments.remove(attachment.id);
    return response('AttachmentDeletedResponse', { attachmentId: attachment.id }, tracingId);
  }

  /** The content of a message with its attachments filled in. */
  fill(session: GuestSession, content: readonly JsonObject[]): JsonObject[] {
    return content.map((each) => {
      if (each['contentType'] !== 'Attachment') return each;
      const named = each['attachment'] as { id?: unknown } | undefined;
      const attachment = this.attachments.uploaded(session, named?.id);
      attachment.sent = true;
      return attachmentContent(attachment, this.downloadAddress(attachment));
    });
  }

  /** Files from the other side, as they stand in a message to the guest of a session. */
  give(session: GuestSession, sent: readonly SentFile[]): JsonObject[] {
    return sent.map((file) => {
      const attachment = this.attachments.give(session, file);
      return attachmentContent(attachment, this.downloadAddress(attachment));
    });
  }

  /** The signed addresses, as object storage would serve them. */
  serve(app: FastifyInstance): void {
    void app.register(async (files) => {
      files.removeAllContentTypeParsers();
      files.addContentTypeParser(
        '*',
        { parseAs: 'buffer', bodyLimit: MAX_FILE_BYTES + 1024 },
        (request, bytes, done) => {
          const { received } = arrivalOf(request);
          if (received !== null) received.body = `[file, ${bytes.length} bytes]`;
          done(null, bytes);
        },
      );
      files.put<Signed>('/uploads/:id', async ({ params, query, headers, body }, reply) => {
        const attachment = this.require(params.id, query.signature);
        if (headers['x-amz-tagging'] !== uploadHeaders['x-amz-tagging'])
          throw new Refusal(403, 'signature.mismatch', 'The upload must carry exactly the headers it was signed with.');
        this.upload(attachment, Buffer.isBuffer(body) ? body : Buffer.alloc(0));
        return reply.code(200).send();
      });
      files.get<Signed>('/downloads/:id', async ({ params, query }, reply) => {
        const file = this.attachments.downloadable(params.id, query.expires, query.signature);
        if (file !== undefined && Date.now() < Number(query.expires)) return reply.type(file.fileType).send(file.bytes);
        return reply
          .code(403)
          .type('application/xml')
          .send(file === undefined ? ACCESS_DENIED : REQUEST_EXPIRED);
      });
    });
  }

  /** The storage takes whatever is sent; whether it was acceptable is told on the socket. */
  private upload(attachment: Attachment, bytes: Buffer): void {
    const attachmentId = attachment.id;
    const timestamp = new Date().toISOString();
    try {
      this.attachments.upload(attachment, bytes);
      const downloadUrl = this.downloadAddress(attachment);
      attachment.session.broadcast(event('UploadSuccessEvent', { attachmentId, downloadUrl, timestamp }));
    } catch (error) {
      if (!(error instanceof AttachmentRefused)) throw error;
      const body = { attachmentId, errorCode: error.code, errorMessage: error.message, timestamp };
      attachment.session.broadcast(event('UploadFailureEvent', body));
    }
  }

  private presigned(
    { id, fileName, fileType, fileSize }: Attachment,
    url: string,
    headers: Readonly<Record<string, string>>,
  ): object {
    return {
      attachmentId: id,
      url,
      headers,
      fileName,
      fileType,
      ...(fileSize === null ? {} : { fileSize }),
    };
  }

  private uploadAddress({ id, signature }: Attachment): string {
    return `${this.url()}/uploads/${encodeURIComponent(id)}?signature=${signature}`;
  }

  private downloadAddress(attachment: Attachment): string {
    const { expires, signature } = this.attachments.ticket(attachment);
    return `${this.url()}/downloads/${encodeURIComponent(attachment.id)}?expires=${expires}&signature=${signature}`;
  }

  private require(id: string, signature: string | undefined): Attachment {
    const attachment = this.attachments.at(id, signature);
    if (attachment === undefined)
      throw new Refusal(403, 'signature.mismatch', 'The address is not signed, or no longer valid.');
    return attachment;
  }
}
