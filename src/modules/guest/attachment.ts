import { extname } from 'node:path';
import type { AppError } from '../../kernel/app-error.js';
import { emptyFile, filesNotTaken, fileTooLarge, nameRefused, typeRefused } from './attachment.errors.js';

/** A file that a guest sends or is sent. Its name and type say something of a person, so they are kept sealed under the guest's key. */
export type Attachment = {
  readonly id: string;
  readonly guestId: string;
  /** Of the message that carries it; null while none does. */
  readonly messageId: string | null;
  /**
   * `queued` until Genesys has it, then `uploaded`; `refused` when Genesys will not have it; `expired` when it did not get there while it could,
   * Genesys has let go of it, or it was kept for as long as it may be. Files of the other side are `received`.
   */
  readonly status: 'queued' | 'uploaded' | 'received' | 'refused' | 'expired';
  /** Bytes; null when the other side did not say. */
  readonly size: number | null;
  readonly sealedAbout: string;
  /** Where Genesys has it; null when it is not known to have it. */
  readonly sealedSource: string | null;
  /** Why it was refused or has expired. */
  readonly code: string | null;
  readonly at: Date;
};

/** What is sealed of a file beside its bytes. `mediaType` is one of IANA's: what Genesys calls `mime`. */
export type AboutFile = { readonly fileName: string; readonly mediaType: string };

/** A file without its bytes. `about` is null when what is known of it was erased with the guest's key, or may not be told. */
export type ReadableAttachment = Attachment & { readonly about: AboutFile | null };

/** A file in a message, as Genesys tells of it: what it does not say is null. */
export type HeardFile = {
  /** What Genesys knows it by. */
  readonly id: string;
  readonly fileName: string | null;
  readonly mediaType: string | null;
  /** Bytes. */
  readonly size: number | null;
  /** Where it can be had, by whoever knows the address, for a while. */
  readonly url: string | null;
};

/** What the deployment lets guests send, as its administrator set it. */
export type FileRules = {
  readonly isEnabled: boolean;
  /** One of them has to fit. `types` are media types, such as `image/png`, `image/*` or a range of all. */
  readonly modes: readonly { readonly types: readonly string[]; readonly maxBytes: number }[];
};

/** The most this service takes, in bytes, whatever the deployment allows. */
export const FILE_MAX_BYTES = 5 * 1024 * 1024;

/** The most that is passed on of a file, in bytes: what web messaging carries at most. */
export const CONTENT_MAX_BYTES = 10 * 1024 * 1024;

/** Genesys refuses names from 1024 characters on (its error 4005), and those without an extension (4004). */
const NAME_MAX = 1_023;

/**
 * Why a file cannot be sent; null when it can as far as is known here. `rules` is null when the deployment's settings are not known now: then
 * Genesys decides when the file gets there. An empty file Genesys refuses as 4102.
 */
export function faultOf(file: AboutFile & { readonly size: number }, rules: FileRules | null): AppError | null {
  const { fileName, mediaType, size } = file;
  if (size === 0) return emptyFile();
  if (size > FILE_MAX_BYTES) return fileTooLarge(`must not be larger than ${FILE_MAX_BYTES} bytes`);
  if (extname(fileName) === '') return nameRefused('must have an extension');
  if (fileName.length > NAME_MAX) return nameRefused(`must not be longer than ${NAME_MAX} characters`);
  if (rules === null) return null;
  if (!rules.isEnabled) return filesNotTaken();
  const fitting = rules.modes.filter(({ types }) => types.some((type) => covers(type, mediaType)));
  if (fitting.length === 0) return typeRefused(rules.modes.flatMap(({ types }) => types));
  const most = Math.max(...fitting.map(({ maxBytes }) => maxBytes));
  return size > most ? fileTooLarge(`must not be larger than the ${most} bytes the deployment allows`) : null;
}

/**
 * What is kept of a file that others have named: the name of one file and no path, with nothing invisible in it that a reader could be fooled
 * with; and a media type without parameters. What was not said, or is neither, is `file` and `application/octet-stream` (RFC 9110 §8.3).
 */
export function aboutHeard({ fileName, mediaType }: Pick<HeardFile, 'fileName' | 'mediaType'>): AboutFile {
  const name = (fileName ?? '').toWellFormed().replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '');
  const type = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/.exec((mediaType ?? '').split(';')[0]!.trim())?.[0];
  return {
    fileName: name.split(/[/\\]/).at(-1)!.trim().slice(-NAME_MAX) || 'file',
    mediaType: type?.toLowerCase() ?? 'application/octet-stream',
  };
}

/** Whether a media type, or a range of them (RFC 9110 §12.5.1), covers a type. */
function covers(range: string, type: string): boolean {
  const [family, kind] = range.toLowerCase().split('/');
  const [ofFamily, ofKind] = type.toLowerCase().split('/');
  return (family === '*' || family === ofFamily) && (kind === '*' || kind === ofKind);
}
