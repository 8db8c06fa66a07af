import type { Vault } from '../../kernel/vault.js';
import type { AboutFile, Attachment, ReadableAttachment } from './attachment.js';
import type { FileSource } from './ports/guest-channel.js';

const ABOUT_PLACE = 'attachment.about';
const SOURCE_PLACE = 'attachment.source';
const BYTES_PLACE = 'attachment.bytes';

const subjectOf = (guestId: string): string => `guest:${guestId}`;

export const sealAbout = (vault: Vault, guestId: string, { fileName, mediaType }: AboutFile): Promise<string> =>
  vault.seal(subjectOf(guestId), ABOUT_PLACE, JSON.stringify({ fileName, mediaType }));

/** With what is said of the file in the clear; null there when that was erased with the guest's key. */
export async function readable(vault: Vault, attachment: Attachment): Promise<ReadableAttachment> {
  const about = await vault.open(subjectOf(attachment.guestId), ABOUT_PLACE, attachment.sealedAbout);
  return { ...attachment, about: about === null ? null : (JSON.parse(about) as AboutFile) };
}

/** Whoever knows the address can read the file, so it is kept like a password. */
export const sealSource = (vault: Vault, guestId: string, { id, url }: FileSource): Promise<string> =>
  vault.seal(subjectOf(guestId), SOURCE_PLACE, JSON.stringify({ id, url }));

/** Null when nobody knows where the file can be had. */
export async function openSource(vault: Vault, { guestId, sealedSource }: Attachment): Promise<FileSource | null> {
  const source = sealedSource === null ? null : await vault.open(subjectOf(guestId), SOURCE_PLACE, sealedSource);
  return source === null ? null : (JSON.parse(source) as FileSource);
}

export const sealBytes = (vault: Vault, guestId: string, bytes: Buffer): Promise<string> =>
  vault.seal(subjectOf(guestId), BYTES_PLACE, bytes.toString('base64'));

/** Null when they were erased with the guest's key. */
export async function openBytes(vault: Vault, guestId: string, sealed: string): Promise<Buffer | null> {
  const bytes = await vault.open(subjectOf(guestId), BYTES_PLACE, sealed);
  return bytes === null ? null : Buffer.from(bytes, 'base64');
}
