import { createHash, createHmac, randomUUID } from 'node:crypto';
import { extname } from 'node:path';
import type { JsonObject } from '../../json.js';
import { allowedMedia, blockedExtensions } from '../deployment.js';
import type { DeploymentSettings } from '../deployment.js';
import type { GuestSession } from './guest-session.js';
import { GuestError } from './guest-frames.js';

/** A file a guest announced, and its bytes once they have come; or one that was sent to a guest. */
export type Attachment = {
  readonly id: string;
  readonly session: GuestSession;
  readonly fileName: string;
  readonly fileType: string;
  readonly fileSize: number | null;
  /** What makes the address to upload it to unguessable, and signs those to download it from. */
  readonly signature: string;
  /** When it was announced, in milliseconds of the epoch. */
  readonly at: number;
  bytes: Buffer | null;
  sent: boolean;
};

export type HeldAttachment = Attachment & { bytes: Buffer };

/** A file as the other side has it. */
export type SentFile = { readonly fileName: string; readonly fileType: string; readonly bytes: Buffer };

/** A file that is not wanted; the code says why. */
export class AttachmentRefused extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

export const MAX_FILE_BYTES = allowedMedia.inbound.maxFileSizeKB * 1024;
/** How the file begins by which people try virus scanners (eicar.org): the one content nobody takes. */
const EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR';
const MOST_BYTES_HELD = 128 * 1024 * 1024;

/** The files of all sessions. The oldest are let go when they grow too many. */
export class Attachments {
  private files = new Map<string, Attachment>();
  private held = 0;

  constructor(private readonly settings: () => DeploymentSettings) {}

  /** Announces a file. */
  announce(session: GuestSession, request: JsonObject): Attachment {
    const { attachmentId, fileName, fileType, fileSize } = request;
    if (typeof attachmentId !== 'string' || attachmentId === '')
      throw new GuestError(4020, 'Missing parameter: attachmentId');
    if (typeof fileName !== 'string' || extname(fileName) === '')
      throw new AttachmentRefused(4004, 'The file name needs an extension.');
    if (fileName.length >= 1024) throw new AttachmentRefused(4005, 'The file name is too long.');
    if (
      typeof fileType !== 'string' ||
      !this.takes(fileType) ||
      blockedExtensions.includes(extname(fileName).toLowerCase())
    )
      throw new AttachmentRefused(4001, 'Files of this type are not allowed.');
    if (fileSize === 0) throw new AttachmentRefused(4102, 'The file is empty.');
    if (typeof fileSize === 'number' && fileSize > MAX_FILE_BYTES)
      throw new AttachmentRefused(4002, 'The file is too large.');
    const attachment: Attachment = {
      id: attachmentId,
      session,
      fileName,
      fileType,
      fileSize: typeof fileSize === 'number' ? fileSize : null,
      signature: randomUUID(),
      at: Date.now(),
      bytes: null,
      sent: false,
    };
    // Ids are the guests' to choose; one that is taken stays its owner's.
    const known = this.files.get(attachmentId);
    if (known !== undefined && (known.session !== session || known.sent))
      throw new AttachmentRefused(4009, 'attachment not found');
    this.remove(attachmentId);
    this.files.set(attachmentId, attachment);
    return attachment;
  }

  /** The file that is to be put to a signed address, or undefined. */
  at(id: string, signature: string | undefined): Attachment | undefined {
    const attachment = this.files.get(id);
    return attachment?.signature === signature ? attachment : undefined;
  }

  private takes(fileType: string): boolean {
    return this.settings().fileTypes.some(
      (type) => type === '*/*' || type === fileType || (type.endsWith('/*') && fileType.startsWith(type.slice(0, -1))),
    );
  }

  /** Takes the bytes; a size other than announced is a failed upload. */
  upload(attachment: Attachment, bytes: Buffer): void {
    if (bytes.length === 0) throw new AttachmentRefused(4102, 'The file is empty.');
    if (bytes.subarray(0, EICAR.length).toString('latin1') === EICAR)
      throw new AttachmentRefused(4003, 'What is in the file is not allowed.');
    if (attachment.fileSize !== null && attachment.fileSize !== bytes.length)
      throw new AttachmentRefused(4002, 'The file is not as large as it was said to be.');
    this.hold(attachment, bytes);
  }

  /** A file for the guest of a session, from the other side. */
  give(session: GuestSession, { fileName, fileType, bytes }: SentFile): HeldAttachment {
    const attachment: Attachment = {
      ...{ id: randomUUID(), session, fileName, fileType, fileSize: bytes.length, signature: randomUUID() },
      ...{ at: Date.now(), bytes: null, sent: true },
    };
    this.files.set(attachment.id, attachment);
    this.hold(attachment, bytes);
    return Object.assign(attachment, { bytes });
  }

  /** What stands in an address under which a file can be downloaded for a while. */
  ticket({ signature }: Attachment): { readonly expires: string; readonly signature: string } {
    const expires = String(Date.now() + this.settings().downloadSeconds * 1_000);
    return { expires, signature: signed(signature, expires) };
  }

  /** The file such an address leads to, however old it is, or undefined. */
  downloadable(id: string, expires: string | undefined, signature: string | undefined): HeldAttachment | undefined {
    const attachment = this.files.get(id);
    const isSigned = attachment !== undefined && signature === signed(attachment.signature, expires ?? '');
    return isSigned && attachment.bytes !== null ? (attachment as HeldAttachment) : undefined;
  }

  /** An uploaded file of this session. */
  uploaded(session: GuestSession, id: unknown): HeldAttachment {
    const attachment = typeof id === 'string' ? this.files.get(id) : undefined;
    if (attachment === undefined || attachment.session !== session) throw new GuestError(4009, 'attachment not found');
    const { bytes } = attachment;
    if (Date.now() - attachment.at > this.settings().fileSeconds * 1_000 && !attachment.sent)
      throw new GuestError(4008, 'attachment expired');
    if (bytes === null) throw new GuestError(4010, 'attachment not successfully uploaded');
    return Object.assign(attachment, { bytes });
  }

  private hold(attachment: Attachment, bytes: Buffer): void {
    this.held += bytes.length - (attachment.bytes?.length ?? 0);
    attachment.bytes = bytes;
    for (const { id } of this.files.values()) {
      if (this.held <= MOST_BYTES_HELD) break;
      if (id !== attachment.id) this.remove(id);
    }
  }

  remove(id: string): void {
    this.held -= this.files.get(id)?.bytes?.length ?? 0;
    this.files.delete(id);
  }

  clear(): void {
    this.files.clear();
    this.held = 0;
  }
}

/** An attachment as it stands in a message. */
export function attachmentContent(attachment: HeldAttachment, url: string): JsonObject {
  const { id, fileName, fileType, bytes } = attachment;
  return {
    contentType: 'Attachment',
    attachment: {
      id,
      url,
      filename: fileName,
      mediaType: mediaType(fileType),
      mime: fileType,
      fileSize: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
  };
}

const signed = (signature: string, expires: string): string =>
  createHmac('sha256', signature).update(expires).digest('hex');

function mediaType(mime: string): string {
  const family = mime.split('/')[0] ?? '';
  return ({ image: 'Image', video: 'Video', audio: 'Audio' } as Record<string, string>)[family] ?? 'File';
}
