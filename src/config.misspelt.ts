/** A variable nobody reads, and the one that was probably meant. */
export type Misspelt = { readonly variable: string; readonly meant: string };

/** Of the names given those that are nearly one that is known: another case, a hyphen, a letter or two. Values are not looked at. */
export function misspelt(given: readonly string[], known: readonly string[]): Misspelt[] {
  return given
    .filter((variable) => !known.includes(variable))
    .flatMap((variable) => {
      const [nearest] = known
        .map((meant) => ({ meant, steps: stepsBetween(plain(variable), meant) }))
        .filter(({ meant, steps }) => steps <= mostSteps(meant))
        .sort((a, b) => a.steps - b.steps);
      return nearest === undefined ? [] : [{ variable, meant: nearest.meant }];
    });
}

const plain = (name: string): string => name.toUpperCase().replaceAll('-', '_');

/** Short names are near to many others: `PORT` and `PATH` are two letters apart. */
const mostSteps = (name: string): number => (name.length < 7 ? 1 : 2);

/** How many letters have to be put in, left out, replaced or changed about to make one of the other (optimal string alignment). */
function stepsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isTurned = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const turned = isTurned ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replaced, turned));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
