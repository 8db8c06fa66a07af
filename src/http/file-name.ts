import { badHeader } from './http.errors.js';

// eslint-disable-next-line no-control-regex -- these are the characters that are not let through
const PARAMETER = /;\s*(filename\*?)\s*=\s*("(?:[^"\\\u0000-\u001f\u007f-\uffff]|\\[ -~])*"|[\w!#$&'*+.^`|~%-]+)\s*/giy;

/**
 * The name in a `Content-Disposition` (RFC 6266), as `attachment; filename="order.pdf"`, or `filename*=UTF-8''…` with percent-encoding for what
 * is not ASCII (RFC 8187); that one goes before the other. Anything else is refused rather than guessed at.
 * @throws AppError `http.bad_header`, which does not repeat the name
 */
export function fileNameIn(header: string | undefined): string {
  const kind = /^\s*attachment\s*(?=;)/i.exec(header ?? '')?.[0];
  const found = new Map<string, string>();
  if (header !== undefined && kind !== undefined) {
    let at = kind.length;
    PARAMETER.lastIndex = at;
    for (let one = PARAMETER.exec(header); one !== null; one = PARAMETER.exec(header)) {
      const name = one[1]!.toLowerCase();
      if (found.has(name)) throw unreadable();
      found.set(name, one[2]!);
      at = PARAMETER.lastIndex;
    }
    if (at !== header.length) throw unreadable();
  }
  const [plain, encoded] = [found.get('filename'), found.get('filename*')];
  const name = encoded !== undefined ? decoded(encoded) : plain !== undefined ? unquoted(plain) : null;
  if (name === null || !isName(name)) throw unreadable();
  return name;
}

/** As a file to be saved under this name: in ASCII for who reads no more, and as it is (RFC 6266 §4.3, RFC 8187). */
export function dispositionOf(fileName: string): string {
  const plain = fileName.replaceAll(/[^ -~]|["\\%]/g, '_');
  const encoded = encodeURIComponent(fileName.toWellFormed()).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"${plain === fileName ? '' : `; filename*=UTF-8''${encoded}`}`;
}

const unquoted = (value: string): string =>
  value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value;

function decoded(value: string): string | null {
  const encoded = /^utf-8'[a-z-]*'((?:%[\da-f]{2}|[\w!#$&+.^`|~-])+)$/i.exec(value)?.[1];
  try {
    return encoded === undefined ? null : decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

/** The name of one file: no path, nothing invisible that a reader could be fooled with. */
const isName = (name: string): boolean =>
  name.trim() !== '' && name.isWellFormed() && !/[/\\\p{Cc}\p{Bidi_Control}]/u.test(name);

const unreadable = () =>
  badHeader(
    'Content-Disposition',
    'fileName',
    `must be attachment with the name of one file: attachment; filename="order.pdf", or filename*=UTF-8'' and percent-encoding`,
  );
