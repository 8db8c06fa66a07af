export type Json = string | number | boolean | null | JsonObject | readonly Json[];
export type JsonObject = { readonly [member: string]: Json };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON Merge Patch (RFC 7396 §2): objects merge member by member, `null` deletes, anything else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

/** Every value that is not an object, by its JSON pointer (RFC 6901). */
export function leaves(value: JsonObject, at = ''): Map<string, Json> {
  const found = new Map<string, Json>();
  for (const [name, member] of Object.entries(value)) {
    const pointer = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (isObject(member)) for (const [inner, leaf] of leaves(member, pointer)) found.set(inner, leaf);
    else found.set(pointer, member);
  }
  return found;
}

export const deepEqual = (a: Json | undefined, b: Json | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether a patch replaces or deletes the leaf at this pointer, by itself or with all that is around it. */
export function speaksOf(patch: object, pointer: string): boolean {
  let part: unknown = patch;
  for (const step of pointer.split('/').slice(1)) {
    if (!isObject(part)) break;
    part = part[step.replaceAll('~1', '/').replaceAll('~0', '~')];
    if (part === undefined) return false;
  }
  return true;
}
