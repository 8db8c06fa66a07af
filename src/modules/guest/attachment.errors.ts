import { AppError } from '../../kernel/app-error.js';

const wrong = (code: string, detail: string, pointer: string, rule: string, message: string): AppError =>
  new AppError('invalid', code, detail, { errors: [{ pointer, rule, message }] });

export const fileTooLarge = (message: string): AppError =>
  wrong('attachment.too_large', 'The file cannot be sent: see errors.', '', 'maxBytes', message);

export const emptyFile = (): AppError =>
  wrong('attachment.empty', 'An empty file cannot be sent.', '', 'size', 'must hold at least one byte');

export const nameRefused = (message: string): AppError =>
  wrong('attachment.name_refused', 'A file of this name cannot be sent: see errors.', '/fileName', 'fileName', message);

/** `accepted`: media types and ranges of them. */
export const typeRefused = (accepted: readonly string[]): AppError =>
  wrong(
    'attachment.type_refused',
    'The deployment does not let guests send files of this type.',
    '/mediaType',
    'mediaType',
    `must be one of ${[...new Set(accepted)].join(', ') || 'none'}`,
  );

export const filesNotTaken = (): AppError =>
  new AppError('conflict', 'attachment.not_enabled', 'The deployment does not let guests send files.');

export const attachmentNotFound = (id: string): AppError =>
  new AppError('not-found', 'attachment.not_found', `This guest has no attachment ${id}.`);

export const attachmentsWaiting = (id: string, most: number): AppError =>
  new AppError(
    'throttled',
    'attachment.queue_full',
    `${most} files of guest ${id} wait to be uploaded. Send the next one when some have gone.`,
    { retryAfterMs: 5_000 },
  );

/** Its bytes are neither here nor where Genesys last said they were, and no new address can be had. */
export const attachmentExpired = (id: string): AppError =>
  new AppError('not-found', 'attachment.expired', `What was in attachment ${id} cannot be had any more.`);

/** Genesys is being asked where it has the file now. */
export const beingLocated = (id: string): AppError =>
  new AppError('unavailable', 'attachment.being_located', `Genesys is asked for attachment ${id}. Ask again shortly.`, {
    retryAfterMs: 2_000,
  });

export const contentTooLarge = (most: number): AppError =>
  new AppError('refused', 'attachment.content_too_large', `Files of more than ${most} bytes are not passed on.`);

/** `at`: which of the message's attachments. */
export const cannotBeNamed = (at: number, why: string): AppError =>
  wrong(
    'message.attachment_refused',
    'The message names an attachment it cannot carry: see errors.',
    `/attachmentIds/${at}`,
    'attachment',
    why,
  );

/** The message goes as soon as its files are there. */
export const stillUploading = (): AppError =>
  new AppError('unavailable', 'attachment.still_uploading', 'A file of the message is still on its way.', {
    retryAfterMs: 500,
  });

/** Genesys does not take the bytes, or has lost what was announced. `mayPass`: the next attempt may fare better. */
export function uploadFailed(mayPass: boolean, cause: unknown): AppError {
  const { retryAfterMs } = cause instanceof AppError ? cause : {};
  const message = 'The storage of Genesys Cloud does not take the file.';
  return new AppError(mayPass ? 'unavailable' : 'refused', 'genesys.upload_failed', message, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  });
}
