import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { AuditService } from '../audit/index.js';
import { CONTENT_MAX_BYTES, faultOf } from './attachment.js';
import type { AboutFile, Attachment, ReadableAttachment } from './attachment.js';
import {
  attachmentExpired,
  attachmentNotFound,
  attachmentsWaiting,
  beingLocated,
  contentTooLarge,
} from './attachment.errors.js';
import { openBytes, openSource, readable, sealAbout, sealBytes, sealSource } from './attachment.sealing.js';
import { mayLeave, purposeOf } from './consent.js';
import { consentNotLive } from './consent.errors.js';
import { LOCATE, UPLOAD } from './guest.intents.js';
import { isOver } from './guest.js';
import type { Guest } from './guest.js';
import { requireWritable } from './guest.writable.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { FILE_GONE, GuestChannel } from './ports/guest-channel.js';
import type { FileContent, FileSource, OutgoingFile } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** How many files of one guest may wait to be uploaded. */
export const MOST_FILES_WAITING = 5;

/** Codes of errors after which nothing is done in the guest's session any more. */
const SESSION_OVER = ['genesys.session_expired', 'genesys.sign_in_refused', 'guest.session_gone'];

/** How long a reader waits for a new address, and how often it is looked for: whichever process holds the guest's socket asks for it. */
const LOCATE_MS = 3_000;
const LOOK_MS = 100;

/** What can be asked of the files of a guest's conversations. */
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
      // Locked, so that nothing is written beside its removal.
      requireWritable(await this.guests.lock(guestId), 'genesys.message');
      const fault = faultOf({ ...about, size }, this.channel.fileRules());
      if (fault !== null) throw fault;
      if ((await this.attachments.waiting(guestId)) >= MOST_FILES_WAITING)
        throw attachmentsWaiting(guestId, MOST_FILES_WAITING);
      const subject = `guest:${guestId}` as const;
      const attachment: Attachment = {
        ...{ id: uuidv7(at.getTime()), guestId, messageId: null, status: 'queued', size, code: null, at },
        ...{ sealedAbout: await sealAbout(this.vault, guestId, about), sealedSource: null },
      };
      const { id } = attachment;
      await this.attachments.add(attachment, await sealBytes(this.vault, guestId, bytes));
      await this.outbox.put({ topic: UPLOAD, subject: guestId, distinct: id, payload: { attachmentId: id } });
      await this.audit.record({ subject, event: 'ATTACHMENT_ADDED', changes: { attachmentId: id, bytes: size } });
      return { ...attachment, about };
    });
  }

  /** @throws AppError `guest.not_found`, `attachment.not_found` */
  async get(guestId: string, id: string): Promise<ReadableAttachment> {
    await this.guests.get(guestId);
    return readable(this.vault, await this.known(guestId, id));
  }

  /**
   * What is in a file, of the guest or of the other side, as it comes: from here while it waits for Genesys, else from there. The address it has
   * there runs out; then a new one is asked for, as long as the guest's session lives. `gone` says when whoever reads is.
   * @throws AppError `guest.not_found`, `attachment.not_found`, `consent.required`, `attachment.expired`, `attachment.being_located`,
   * `attachment.content_too_large`, and what keeps Genesys from giving it
   */
  async content(guestId: string, id: string, gone: AbortSignal): Promise<AboutFile & FileContent> {
    const guest = await this.consenting(guestId);
    const attachment = await this.known(guestId, id);
    const { about } = await readable(this.vault, attachment);
    if (about === null) throw attachmentExpired(id);
    const bytes = await this.bytesOf(guestId, id);
    if (bytes !== null) return { ...about, size: bytes.length, bytes: upTo(CONTENT_MAX_BYTES, [bytes]) };
    const content = await this.fetched(guest, attachment, gone);
    if ((content.size ?? 0) > CONTENT_MAX_BYTES) throw contentTooLarge(CONTENT_MAX_BYTES);
    return { ...about, ...content, bytes: upTo(CONTENT_MAX_BYTES, content.bytes) };
  }

  /** What is still to be uploaded of a file; null when that is nothing. */
  async toUpload(guestId: string, id: string): Promise<OutgoingFile | null> {
    const attachment = await this.attachments.find(guestId, id);
    if (attachment === null || attachment.status !== 'queued') return null;
    const { about } = await readable(this.vault, attachment);
    const bytes = await this.bytesOf(guestId, id);
    return about === null || bytes === null ? null : { id, ...about, bytes };
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

  /** Genesys has it, at `url` if that was said. */
  async uploaded(guestId: string, id: string, url: string | null): Promise<void> {
    const source = url === null ? {} : { sealedSource: await sealSource(this.vault, guestId, { id, url }) };
    await this.attachments.settle(guestId, id, { status: 'uploaded', ...source });
  }

  /** Where Genesys was last known to have a file; null when it is not known to have it. */
  async sourceOf(guestId: string, id: string): Promise<FileSource | null> {
    const attachment = await this.attachments.find(guestId, id);
    return attachment === null ? null : openSource(this.vault, attachment);
  }

  /** Genesys has said anew where it has a file. */
  async located(guestId: string, id: string, source: FileSource): Promise<void> {
    const sealedSource = await sealSource(this.vault, guestId, source);
    await this.work.run(async () => {
      const { status } = await this.known(guestId, id);
      if (status === 'uploaded' || status === 'received')
        await this.attachments.settle(guestId, id, { status, sealedSource });
    });
  }

  /** It will never get there: Genesys will not have it, or the session it was for is over. */
  refused(guestId: string, id: string, code: string): Promise<void> {
    return this.attachments.settle(guestId, id, { status: SESSION_OVER.includes(code) ? 'expired' : 'refused', code });
  }

  /**
   * Genesys was asked in vain where it has a file. Only when it has let go of it, or there is no session to ask in any more, is that for good: what else
   * keeps it from answering, such as an origin that is not allowed, people may mend, and whoever reads asks anew.
   */
  async unlocated(guestId: string, id: string, code: string): Promise<void> {
    if (code === FILE_GONE || SESSION_OVER.includes(code)) await this.expired(guestId, [id], code);
  }

  /** They will never get there any more, or cannot be had from there any more. */
  async expired(guestId: string, ids: readonly string[], code: string): Promise<void> {
    for (const id of ids) await this.attachments.settle(guestId, id, { status: 'expired', code });
  }

  /** What is in a file, as far as it is here. */
  private async bytesOf(guestId: string, id: string): Promise<Buffer | null> {
    const sealed = await this.attachments.bytes(guestId, id);
    return sealed === null ? null : openBytes(this.vault, guestId, sealed);
  }

  private async known(guestId: string, id: string): Promise<Attachment> {
    const attachment = await this.attachments.find(guestId, id);
    if (attachment === null) throw attachmentNotFound(id);
    return attachment;
  }

  /** Asked right before anything of a file leaves. */
  private async consenting(guestId: string): Promise<Guest> {
    const guest = await this.guests.get(guestId);
    if (!mayLeave(guest, 'attachment.content')) throw consentNotLive(guestId, purposeOf('attachment.content'));
    return guest;
  }

  private async fetched(guest: Guest, attachment: Attachment, gone: AbortSignal): Promise<FileContent> {
    const source = await openSource(this.vault, attachment);
    if (source === null) throw attachmentExpired(attachment.id);
    const known = await this.download(source, gone);
    const content = known ?? (await this.download(await this.locatedAnew(guest, attachment, gone), gone));
    if (content === null) throw attachmentExpired(attachment.id);
    return content;
  }

  /** Null when the address has run out. */
  private async download({ url }: FileSource, gone: AbortSignal): Promise<FileContent | null> {
    try {
      return await this.channel.download(url, gone);
    } catch (error) {
      if (errorCode(error) === FILE_GONE) return null;
      throw error;
    }
  }

  private async locatedAnew(guest: Guest, { id, sealedSource }: Attachment, gone: AbortSignal): Promise<FileSource> {
    if (guest.mode === 'widget' || isOver(guest) || guest.state === 'closing') throw attachmentExpired(id);
    const intent = { topic: LOCATE, subject: guest.id, distinct: id, payload: { attachmentId: id } };
    await this.work.run(() => this.outbox.put(intent));
    const giveUpAt = performance.now() + LOCATE_MS;
    while (performance.now() < giveUpAt && !gone.aborted) {
      await sleep(LOOK_MS);
      const newest = await this.known(guest.id, id);
      if (newest.sealedSource === sealedSource) continue;
      await this.consenting(guest.id);
      const source = await openSource(this.vault, newest);
      if (source === null) throw attachmentExpired(id);
      return source;
    }
    throw beingLocated(id);
  }
}

/** Breaks off what turns out to be more than `most` bytes. */
async function* upTo(
  most: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > most) throw contentTooLarge(most);
    yield chunk;
  }
}
