import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { getMetadataStorage, ValidationTypes } from 'class-validator';

type Reader = (value: unknown) => unknown;

const READERS = 'http:readers';

/** Says how a member is read before it is checked, on the classes that describe what may come in. */
export const ReadBy =
  (reader: Reader): PropertyDecorator =>
  (target, property) => {
    const readers = (Reflect.getMetadata(READERS, target) as Map<string, Reader> | undefined) ?? [];
    Reflect.defineMetadata(READERS, new Map([...readers, [property as string, reader]]), target);
  };

/**
 * The members of a plain object on an instance of `shape`, and of a list those of each item. Whatever else it is it stays, to be refused by a
 * rule.
 */
export function instanceOf<T extends object>(shape: Type<T>, value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => instanceOf(shape, item)) as never;
  if (value === null || typeof value !== 'object') return value as T;
  const instance = new shape() as Record<string, unknown>;
  const readers = Reflect.getMetadata(READERS, shape.prototype as object) as Map<string, Reader> | undefined;
  for (const [name, member] of Object.entries(value)) {
    const reader = readers?.get(name);
    instance[name] = reader === undefined ? member : reader(member);
  }
  return instance as T;
}

type Check = { readonly validate: (value: unknown, about: unknown) => unknown; readonly constraints: unknown[] };
type Condition = (object: object, value: unknown) => boolean;
type Member = { readonly conditions: Condition[]; readonly checks: Check[]; isNested: boolean };

const compiled = new WeakMap<object, ReadonlyMap<string, Member> | null>();

/**
 * Whether an instance keeps every rule class-validator knows about its class, each member being named there. `validateSync` looks all rules up
 * again for each object and writes a report for each member, which is most of what a good request costs; it is left to explain the others: false
 * only means that it has to be asked.
 */
export function keepsAllRules(object: object): boolean {
  const members = membersOf(object.constructor);
  if (members === null) return false;
  for (const name of Object.keys(object)) if (!members.has(name)) return false;
  for (const [name, member] of members) {
    const value = (object as Record<string, unknown>)[name];
    if (!member.conditions.every((applies) => applies(object, value))) continue;
    for (const { validate, constraints } of member.checks)
      if (validate(value, { object, property: name, value, constraints, targetName: object.constructor.name }) !== true)
        return false;
    if (member.isNested && value !== undefined && !holdsGoodParts(value)) return false;
  }
  return true;
}

function holdsGoodParts(value: unknown): boolean {
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  return parts.every((part) => typeof part === 'object' && part !== null && keepsAllRules(part));
}

function membersOf(shape: object): ReadonlyMap<string, Member> | null {
  let members = compiled.get(shape);
  if (members === undefined) compiled.set(shape, (members = compile(shape as Type)));
  return members;
}

const CHECKS: readonly string[] = [ValidationTypes.CUSTOM_VALIDATION, ValidationTypes.IS_DEFINED];

/** Null when a rule is of a kind that is not handled here. */
function compile(shape: Type): ReadonlyMap<string, Member> | null {
  const storage = getMetadataStorage();
  const rules = storage.getTargetValidationMetadatas(shape, '', false, false);
  const members = new Map<string, Member>();
  for (const rule of rules) {
    const member = members.get(rule.propertyName) ?? { conditions: [], checks: [], isNested: false };
    members.set(rule.propertyName, member);
    if (rule.type === ValidationTypes.CONDITIONAL_VALIDATION) member.conditions.push(rule.constraints[0] as Condition);
    else if (rule.type === ValidationTypes.NESTED_VALIDATION) member.isNested = true;
    else if (CHECKS.includes(rule.type) && rule.validateIf === undefined) {
      for (const { async, instance } of storage.getTargetValidatorConstraints(rule.constraintCls)) {
        if (async) return null;
        const validate = (value: unknown, about: unknown): unknown => instance.validate(value, about as never);
        const every = (value: unknown, about: unknown): boolean =>
          Array.isArray(value) && value.every((item) => validate(item, about) === true);
        member.checks.push({ validate: rule.each ? every : validate, constraints: rule.constraints as unknown[] });
      }
    } else if (rule.type !== ValidationTypes.WHITELIST) return null;
  }
  return members.size === 0 ? null : members;
}
