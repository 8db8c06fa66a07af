import { badHeader, preconditionRequired } from './http.errors.js';

/** A list of entity tags, or `*` for whatever there is. */
export type EntityTags = '*' | readonly EntityTag[];
export type EntityTag = { readonly weak: boolean; readonly opaque: string };

/** The strong tag of a version: `"7"`. */
export const etagOf = (version: number): string => `"${version}"`;

// RFC 9110 §8.8.3: etagc is any visible ASCII but the quote, and obs-text.
const TAG = /\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)/y;

/** Reads If-Match or If-None-Match (RFC 9110 §13.1). Empty list members are skipped, as §5.6.1 asks. */
export function parseEntityTags(header: string, value: string): EntityTags {
  if (value.trim() === '*') return '*';
  const tags: EntityTag[] = [];
  let at = 0;
  while (at < value.length) {
    const empty = /\s*,/y;
    empty.lastIndex = at;
    if (empty.test(value)) {
      at = empty.lastIndex;
      continue;
    }
    if (value.slice(at).trim() === '') break;
    TAG.lastIndex = at;
    const tag = TAG.exec(value);
    if (!tag) throw badHeader(header, 'entityTags', 'must be * or entity tags in double quotes, separated by commas');
    tags.push({ weak: tag[1] !== undefined, opaque: tag[2]! });
    at = TAG.lastIndex;
  }
  if (tags.length === 0)
    throw badHeader(header, 'entityTags', 'must be * or entity tags in double quotes, separated by commas');
  return tags;
}

/** What a change is based on: `'*'`, or the versions it may meet. Throws 428 when the caller does not say. */
export function requireIfMatch(header: string | string[] | undefined): EntityTags {
  const tags = ifMatch(header);
  if (tags === null) throw preconditionRequired();
  return tags;
}

/** As `requireIfMatch`, for changes where it may be left out: null then. */
export function ifMatch(header: string | string[] | undefined): EntityTags | null {
  const value = [header ?? []].flat().join(', ');
  return value === '' ? null : parseEntityTags('If-Match', value);
}

/** Whether a change based on `tags` may be made to this version. Strong comparison: a weak tag promises too little. */
export const matches = (tags: EntityTags, version: number): boolean =>
  tags === '*' || tags.some((tag) => !tag.weak && tag.opaque === String(version));

/** Whether the reader has this version already, so that 304 says all. Weak comparison, as RFC 9110 §13.1.2 asks. */
export function notModified(header: string | string[] | undefined, version: number): boolean {
  const value = [header ?? []].flat().join(', ');
  if (value === '') return false;
  const tags = parseEntityTags('If-None-Match', value);
  return tags === '*' || tags.some((tag) => tag.opaque === String(version));
}
