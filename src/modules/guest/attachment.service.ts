import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { AuditService } from '../audit/index.js';
import { faultOf } from './attachment.js';
import type { AboutFile, Attachment } from './attachment.js';
import { attachmentNotFound, attachmentsWaiting } from './attachment.errors.js';
import { requireWritable } from './message.service.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { GuestChannel } from './ports/guest-channel.js';
import type { OutgoingFile } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** Topic of the intent "upload this file as the guest". */
export const UPLOAD = 'genesys.upload';

/** How many files of one guest may wait to be uploaded. */
export const MOST_FILES_WAITING = 5;

const ABOUT_PLACE = 'attachment.about';
const BYTES_PLACE = 'attachment.bytes';

/** Null when what is known of it was erased with the guest's key. */
export type ReadableAttachment = Attachment & { readonly about: AboutFile | null };

/** What can be asked of the files a guest sends. */
@Injectable()
export class AttachmentService {
  constructor(
    private readonly guests: GuestStore,
    private readonly attachments: AttachmentStore,
    private readonly channel: GuestChannel,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /**
   * Accepts a file to be uploaded to Genesys; it is on its way when this resolves, and goes with the message that names it.
   * @throws AppError `guest.not_found`, `guest.widget_led`, `guest.closed`, `consent.required`, and what `faultOf` names
   */
  async add(guestId: string, { bytes, ...about }: AboutFile & { readonly bytes: Buffer }): Promise<ReadableAttachment> {
    const size = bytes.length;
    const at = this.clock.now();
    return this.work.run(async () => {
      requireWritable(await this.guests.get(guestId), 'genesys.message');
      const fault = faultOf({ ...about, size }, this.channel.fileRules());
      if (fault !== null) throw fault;
      if ((await this.attachments.waiting(guestId)) >= MOST_FILES_WAITING)
        throw attachmentsWaiting(guestId, MOST_FILES_WAITING);
      const subject = `guest:${guestId}` as const;
      const attachment: Attachment = {
        ...{ id: uuidv7(at.getTime()), guestId, messageId: null, status: 'queued', size, code: null, at },
        sealedAbout: await this.vault.seal(subject, ABOUT_PLACE, JSON.stringify(about)),
      };
      const { id } = attachment;
      await this.attachments.add(attachment, await this.vault.seal(subject, BYTES_PLACE, bytes.toString('base64')));
      await this.outbox.put({ topic: UPLOAD, subject: guestId, distinct: id, payload: { attachmentId: id } });
      await this.audit.record({ subject, event: 'ATTACHMENT_ADDED', changes: { attachmentId: id, bytes: size } });
      return { ...attachment, about };
    });
  }

  /** @throws AppError `guest.not_found`, `attachment.not_found` */
  async get(guestId: string, id: string): Promise<ReadableAttachment> {
    await this.guests.get(guestId);
    const attachment = await this.attachments.find(guestId, id);
    if (attachment === null) throw attachmentNotFound(id);
    return { ...attachment, about: await this.aboutOf(attachment) };
  }

  /** What is still to be uploaded of a file; null when that is nothing. */
  async toUpload(guestId: string, id: string): Promise<OutgoingFile | null> {
    const attachment = await this.attachments.find(guestId, id);
    if (attachment === null || attachment.status !== 'queued') return null;
    const about = await this.aboutOf(attachment);
    const sealed = await this.attachments.bytes(guestId, id);
    const bytes = sealed === null ? null : await this.vault.open(`guest:${guestId}`, BYTES_PLACE, sealed);
    return about === null || bytes === null ? null : { id, ...about, bytes: Buffer.from(bytes, 'base64') };
  }

  /** How far the files of a message are: all there, on their way, or one of them never to get there. */
  async readiness(guestId: string, ids: readonly string[]): Promise<'ready' | 'waiting' | 'lost'> {
    if (ids.length === 0) return 'ready';
    const found = await this.attachments.findAll(guestId, ids);
    const isLost =
      found.length < ids.length || found.some(({ status }) => status === 'refused' || status === 'expired');
    if (isLost) return 'lost';
    return found.every(({ status }) => status === 'uploaded') ? 'ready' : 'waiting';
  }

  uploaded(guestId: string, id: string): Promise<void> {
    return this.attachments.settle(guestId, id, 'uploaded', null);
  }

  /** It will never get there, because Genesys will not have it. */
  refused(guestId: string, id: string, code: string): Promise<void> {
    return this.attachments.settle(guestId, id, 'refused', code);
  }

  /** They will never get there any more. */
  async expired(guestId: string, ids: readonly string[], code: string): Promise<void> {
    for (const id of ids) await this.attachments.settle(guestId, id, 'expired', code);
  }

  private async aboutOf({ guestId, sealedAbout }: Attachment): Promise<AboutFile | null> {
    const about = await this.vault.open(`guest:${guestId}`, ABOUT_PLACE, sealedAbout);
    return about === null ? null : (JSON.parse(about) as AboutFile);
  }
}
