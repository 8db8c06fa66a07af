import { AppError } from '../kernel/app-error.js';
import type { FieldError } from '../kernel/app-error.js';
import { pointerTo } from '../kernel/json-pointer.js';
import { invalid, malformedJson, unsupportedCoding } from './http.errors.js';

/** Bytes of a request body. */
export const BODY_LIMIT = 65_536;

export const BODY_TYPES = ['application/json', 'application/merge-patch+json'] as const;

/** Deeper than any body of ours, and far from where recursive code would run out of stack. */
export const DEEPEST = 32;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What a sender says about the bytes of a body, beside its media type. */
export type BodyHeaders = {
  readonly 'content-type'?: string | undefined;
  readonly 'content-encoding'?: string | string[] | undefined;
};

/**
 * Reads a body as JSON in UTF-8, the only encoding JSON has (RFC 8259 §8.1), and as it is: no content coding is undone, so nothing small can become
 * large in here. An empty body is none at all: undefined.
 * @throws AppError `http.unsupported_media_type`, `request.malformed_json`, `request.invalid`
 */
export function parseJsonBody(bytes: Buffer, headers: BodyHeaders = {}): unknown {
  if (bytes.length === 0) return undefined;
  const { 'content-type': type, 'content-encoding': coding } = headers;
  if (coding !== undefined && !/^\s*identity\s*$/i.test(String(coding))) throw unsupportedCoding();
  if (type?.includes(';') === true && !isUtf8(type)) throw unsupportedCoding();
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    // The cause would quote the body.
    throw malformedJson();
  }
  const counted = { members: 0 };
  const errors = unsafeParts(value, counted);
  if (errors.length > 0) throw invalid(errors, 'body');
  // Of two members with one name only the last is left: whoever checked the first for us checked something else (RFC 8259 §4).
  if (counted.members !== membersIn(bytes))
    throw invalid([{ pointer: '', rule: 'unique', message: 'must not name a member of an object twice' }], 'body');
  return value;
}

/** Stands in place of a body that cannot be taken, until it is known who sent it. */
export class UnreadBody {
  constructor(readonly error: AppError) {}
}

/** As `parseJsonBody`, but what is wrong with the body is kept for later. */
export function readBody(bytes: Buffer, headers: BodyHeaders): unknown {
  try {
    return parseJsonBody(bytes, headers);
  } catch (error) {
    if (error instanceof AppError) return new UnreadBody(error);
    throw error;
  }
}

/** Whether every charset a Content-Type names is UTF-8; none is meant to be. */
function isUtf8(type: string): boolean {
  const named = [...type.matchAll(/;\s*charset\s*=\s*("?)([^";]*)\1/gi)];
  return named.every(([, , charset]) => /^utf-?8$/i.test(charset!.trim()));
}

/** How many members a text that is JSON gives to its objects: one for each colon outside of strings. */
function membersIn(json: Uint8Array): number {
  let members = 0;
  let isString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) isString = !isString;
    else if (isString) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === COLON) members++;
  }
  return members;
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

/**
 * What no value from outside may hold, wherever in it: member names that mean something to JavaScript itself, text that is not
 * Unicode or holds control characters (tab and line breaks are text), numbers without end, and more levels than anybody needs.
 * Adds to `counted` how many members there are in all objects together.
 */
export function unsafeParts(value: unknown, counted = { members: 0 }): FieldError[] {
  const errors: FieldError[] = [];
  const left: Place[] = [{ value, name: '', parent: null, depth: 0 }];
  // Not recursive: how deep it goes is the sender's choice.
  for (let place = left.pop(); place !== undefined; place = left.pop()) {
    const { value: here, depth } = place;
    const fault = typeof here === 'string' ? textFault(here) : typeof here === 'number' ? numberFault(here) : null;
    if (fault) errors.push({ pointer: pointerOf(place), ...fault });
    if (here === null || typeof here !== 'object') continue;
    if (depth >= DEEPEST) {
      errors.push({
        pointer: pointerOf(place),
        rule: 'maxDepth',
        message: `must not be nested deeper than ${DEEPEST} levels`,
      });
      continue;
    }
    const members = Array.isArray(here) ? here.map((item, at) => [String(at), item] as const) : Object.entries(here);
    if (!Array.isArray(here)) counted.members += members.length;
    // Backwards, because the last one pushed is looked at first.
    for (const [name, member] of members.reverse()) {
      const inside: Place = { value: member, name, parent: place, depth: depth + 1 };
      const nameless = Array.isArray(here) ? null : nameFault(name);
      if (nameless) errors.push({ pointer: pointerOf(inside), ...nameless });
      else left.push(inside);
    }
  }
  return errors;
}

type Place = { readonly value: unknown; readonly name: string; readonly parent: Place | null; readonly depth: number };

const pointerOf = ({ name, parent }: Place): string => (parent === null ? '' : pointerTo(pointerOf(parent), name));

/** `1e999` is JSON, but no number we could keep or hash. */
const numberFault = (number: number): Fault | null =>
  Number.isFinite(number) ? null : { rule: 'number', message: 'is too large a number' };

type Fault = Omit<FieldError, 'pointer'>;

/** Names such as `constructor` stand on every object: whoever looks for such a member finds something, sent or not. */
function nameFault(name: string): Fault | null {
  if (name in Object.prototype)
    return { rule: 'reserved', message: 'is a name that JavaScript itself uses; remove it' };
  return textFault(name);
}

// eslint-disable-next-line no-control-regex -- these are the characters to find
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

function textFault(text: string): Fault | null {
  if (CONTROL.test(text)) {
    return { rule: 'controlCharacter', message: 'must not hold control characters other than tab and line breaks' };
  }
  if (!text.isWellFormed())
    return { rule: 'unicode', message: 'must be well-formed Unicode: it holds half a character' };
  return null;
}
