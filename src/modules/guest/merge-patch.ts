import { namesAlong, pointerTo } from '../../kernel/json-pointer.js';

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
export function leaves(value: JsonObject, at = '', found = new Map<string, Json>()): Map<string, Json> {
  for (const [name, member] of Object.entries(value)) {
    const pointer = pointerTo(at, name);
    if (isObject(member)) leaves(member, pointer, found);
    else found.set(pointer, member);
  }
  return found;
}

export const deepEqual = (a: Json | undefined, b: Json | undefined): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b);

/** The leaves that two objects do not have in common, as JSON pointers. */
export function differences(one: JsonObject, other: JsonObject): string[] {
  const [before, after] = [leaves(besides(one, other)), leaves(besides(other, one))];
  const pointers = new Set([...before.keys(), ...after.keys()]);
  return [...pointers].filter((pointer) => !deepEqual(before.get(pointer), after.get(pointer))).sort();
}

/** Without the members that are the very same in both: what a merge does not touch it takes over as it is. */
const besides = (object: JsonObject, other: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name, member]) => member !== other[name]));

/** Whether a patch replaces or deletes the leaf at this pointer, by itself or with all that is around it. */
export function speaksOf(patch: object, pointer: string): boolean {
  let part: unknown = patch;
  for (const name of namesAlong(pointer)) {
    if (!isObject(part)) break;
    part = part[name];
    if (part === undefined) return false;
  }
  return true;
}
