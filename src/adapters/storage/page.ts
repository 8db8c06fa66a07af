import { invalidCursor } from './storage.errors.js';

/** A cursor names the last row seen. Opaque to everybody else. */
export const toCursor = (...parts: readonly (string | number)[]): string =>
  Buffer.from(parts.join(' ')).toString('base64url');

/** An instant as ISO 8601 has it, to the millisecond in UTC. Digits alone are none: there is no 31st of February, and PostgreSQL knows no year 0. */
export const INSTANT = {
  test(text: string): boolean {
    const date = new Date(text);
    return !text.startsWith('0000') && !Number.isNaN(date.getTime()) && date.toISOString() === text;
  },
};

/** @throws AppError `request.invalid` when it does not have one part of each shape */
export function fromCursor(cursor: string, ...shapes: readonly Pick<RegExp, 'test'>[]): string[] {
  const parts = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (parts.length !== shapes.length || !shapes.every((shape, index) => shape.test(parts[index]!)))
    throw invalidCursor();
  return parts;
}

/** What was read with a limit of one more than is shown, so that the last page knows it is the last. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  cursorOf: (last: Row) => string,
): { readonly items: Item[]; readonly nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(toItem),
    nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null,
  };
}
