import type { AttachmentContent, FileToSend } from './guest.js';

export const isFile = (body: unknown): body is FileToSend['content'] =>
  body instanceof Blob || body instanceof ArrayBuffer || ArrayBuffer.isView(body);

/** The name of a file in a header (RFC 6266), encoded as RFC 8187 has it. */
export function dispositionOf(fileName: string): string {
  // What is no whole character cannot be encoded.
  const name = encodeURIComponent(fileName.replace(/\p{Surrogate}/gu, '\ufffd'));
  return `attachment; filename*=UTF-8''${name.replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`)}`;
}

/** A file as it was answered. Its name stands in `Content-Disposition`, in ASCII or encoded. */
export function fileIn(headers: Headers, content: Blob): AttachmentContent {
  const disposition = headers.get('content-disposition') ?? '';
  const [, name] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
  const [, plain = 'file'] = /filename="([^"]*)"/i.exec(disposition) ?? [];
  const mediaType = headers.get('content-type') ?? content.type;
  return { fileName: name === undefined ? plain : decodeURIComponent(name), mediaType, content };
}
