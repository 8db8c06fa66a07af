/** Between two values, and in the place of one that is missing. Ids, digests, instants and JSON hold neither. */
const [NEXT, NONE] = ['\u001e', '\u001f'];
const RESERVED = new RegExp(`[${NEXT}${NONE}]`);

/**
 * Rows as one text a column, for `fromTexts`: taking those apart costs the database half of what reading the same rows as JSON does. For what
 * is written with every guest, and cannot hold control characters: what may goes as JSON, which escapes them.
 */
export const asTexts = <Name extends string>(
  rows: readonly Readonly<Record<Name, string | number | boolean | null>>[],
  names: readonly Name[],
): string[] => names.map((name) => rows.map((row) => asText(row[name])).join(NEXT));

/** Those rows, as `row (<names>)`, where the first of the texts is parameter number `first`. */
export const fromTexts = (names: readonly string[], first = 1): string =>
  `rows from (${names.map((_, at) => `string_to_table($${first + at}, chr(30), chr(31))`).join(', ')}) as row (${names.join(', ')})`;

function asText(value: string | number | boolean | null): string {
  if (value === null) return NONE;
  const text = String(value);
  if (text === '' || RESERVED.test(text))
    throw new Error('empty texts and control characters cannot be written this way');
  return text;
}
