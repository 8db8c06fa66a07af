import { ArgumentMetadata, Injectable, PipeTransform } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import * as classValidator from 'class-validator';
import {
  getMetadataStorage,
  IsArray,
  IsInt,
  IsISO8601,
  IsObject,
  isObject,
  IsString,
  Matches,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
  validateSync,
} from 'class-validator';
import type { ValidationError } from 'class-validator';
import type { FieldError } from '../kernel/app-error.js';
import { pointerTo } from '../kernel/json-pointer.js';
import { invalid } from './http.errors.js';
import { unsafeParts } from './json-body.js';
import { instanceOf, keepsAllRules, ReadBy } from './shape.js';

export { invalid } from './http.errors.js';

/**
 * What came in, as an instance of `shape`, or a `request.invalid` that lists everything wrong with it by JSON pointer. Nothing is
 * converted and nothing dropped: a member the shape does not name is refused. Absent members stay absent.
 * `what` says in the answer where it came from: the body, the query string, the path. Bodies were searched for unsafe parts when they
 * were read; what comes from elsewhere is `checked` before.
 */
export function parse<T extends object>(shape: Type<T>, value: unknown, what = 'body'): T {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalid([{ pointer: '', rule: 'isObject', message: 'must be a JSON object' }], what);
  }
  const instance = instanceOf(shape, value);
  if (keepsAllRules(instance)) return instance;
  const faults = validateSync(instance, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  if (faults.length > 0) throw invalid(fieldErrors(faults, ''), what);
  return instance;
}

/** As `parse`, for a query string: one value a name. Numbers are read only where the shape says `@QueryInt`. */
export function parseQuery<T extends object>(shape: Type<T>, query: unknown): T {
  const repeated = Object.entries((query ?? {}) as Record<string, unknown>).filter(([, value]) => Array.isArray(value));
  if (repeated.length > 0) {
    const message = 'must be given once';
    throw invalid(
      repeated.map(([name]) => ({ pointer: pointerTo('', name), rule: 'once', message })),
      'query string',
    );
  }
  return parse(shape, checked(query, 'query string'), 'query string');
}

/** @throws AppError `request.invalid` when a value holds what no value from outside may hold */
function checked(value: unknown, what: string): object {
  const errors = unsafeParts(value);
  if (errors.length > 0) throw invalid(errors, what);
  return { ...(value as object) };
}

/** Gives handlers their `@Body()`, `@Query()` and `@Param()` validated, when these are declared with a class of ours. */
@Injectable()
export class RequestPipe implements PipeTransform {
  transform(value: unknown, { metatype, type, data }: ArgumentMetadata): unknown {
    // A single named part (`@Param('id')`) and what other decorators make are not whole shapes.
    if (data !== undefined || metatype === undefined || !isShape(metatype)) return value;
    if (type === 'query') return parseQuery(metatype, value);
    if (type === 'param') return parse(metatype, checked(value, 'path'), 'path');
    return type === 'body' ? parse(metatype, value) : value;
  }
}

/** The member may be absent. Unlike `@IsOptional()`, null is not absence. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** An object of another shape, and not a list of them. */
export const Nested = (shape: () => Type<object>): PropertyDecorator =>
  all(ReadBy(asInstance(shape)), ValidateNested(), IsObject());

/** A list of objects of another shape. */
export const NestedList = (shape: () => Type<object>): PropertyDecorator =>
  all(ReadBy(asInstance(shape)), IsArray(), IsObject({ each: true }), ValidateNested({ each: true }));

/** Asked for its shape when it is used: classes may name each other. */
const asInstance = (shape: () => Type<object>) => (value: unknown) => instanceOf(shape(), value);

const INSTANT = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A moment by RFC 3339, with seconds and an offset: without one it would be another moment on another machine. */
export const IsInstant = (): PropertyDecorator =>
  all(
    Matches(INSTANT, { message: 'must be a date and time with an offset (RFC 3339), such as 2026-03-01T09:30:00Z' }),
    IsISO8601({ strict: true }, { message: 'must be a date that exists' }),
    IsString(),
  );

/** A whole number in a query string, where everything arrives as text. */
export const QueryInt = (range: { readonly min: number; readonly max: number }): PropertyDecorator =>
  all(
    ReadBy((value) => (typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value)),
    IsInt(),
    Min(range.min),
    Max(range.max),
  );

const all =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (target, property) =>
    decorators.forEach((decorate) => decorate(target, property));

const isShape = (metatype: unknown): metatype is Type<object> =>
  typeof metatype === 'function' && namesOf(metatype as Type).size > 0;

const known = new WeakMap<Type, ReadonlySet<string>>();

/** The members a shape knows: asked of every request, and the same each time. */
function namesOf(shape: Type): ReadonlySet<string> {
  const found = known.get(shape);
  if (found) return found;
  const rules = getMetadataStorage().getTargetValidationMetadatas(shape, '', true, false);
  const names = new Set(rules.map((rule) => rule.propertyName));
  known.set(shape, names);
  return names;
}

/** The names of class-validator's own rules; whatever else fails is a rule of ours with a message of its own. */
const BUILT_IN = new Set(Object.values(classValidator).filter((member) => typeof member === 'string'));

const TYPE_RULES = new Set(['isString', 'isBoolean', 'isInt', 'isNumber', 'isArray', 'isObject']);

function fieldErrors(faults: readonly ValidationError[], parent: string): FieldError[] {
  return faults.flatMap((fault) => {
    const pointer = pointerTo(parent, fault.property);
    const misfits = misfitsIn(fault);
    const inside = (fault.children ?? []).filter(({ property }) => !misfits.includes(property));
    if (misfits.length > 0) {
      const errors = misfits.map((at) => ({
        pointer: `${pointer}/${at}`,
        rule: 'isObject',
        message: 'must be an object',
      }));
      return [...errors, ...fieldErrors(inside, pointer)];
    }
    // What stands in place of an object need not be looked into: class-validator looks into lists.
    const isMisplaced = fault.constraints?.['isObject'] !== undefined;
    return [...ownErrors(fault, pointer), ...(isMisplaced ? [] : fieldErrors(inside, pointer))];
  });
}

/** The places of those in a list of objects that are none. */
function misfitsIn({ value, constraints }: ValidationError): string[] {
  if (!Array.isArray(value) || constraints?.['isObject']?.startsWith('each value') !== true) return [];
  return value.flatMap((item, at) => (isObject(item) ? [] : [String(at)]));
}

function ownErrors(fault: ValidationError, pointer: string): FieldError[] {
  const broken = Object.entries(fault.constraints ?? {});
  if (broken.some(([rule]) => rule === 'whitelistValidation')) {
    const names = fault.target ? [...namesOf(fault.target.constructor as Type)].sort().join(', ') : '';
    return [{ pointer, rule: 'unknown', message: `is not known here; remove it. Known are: ${names}` }];
  }
  // Absent, it breaks every rule there is; only one of them can be mended.
  if (fault.value === undefined && broken.some(([rule]) => BUILT_IN.has(rule))) {
    return [{ pointer, rule: 'required', message: 'is required' }];
  }
  // What is not even of the right type breaks other rules as well; they say nothing more.
  const ofType = broken.filter(([rule]) => TYPE_RULES.has(rule));
  const told = ofType.length > 0 ? ofType : broken;
  return told.map(([rule, message]) =>
    rule === 'nestedValidation'
      ? { pointer, rule: 'isObject', message: 'must be an object' }
      : { pointer, rule, message: withoutName(message, fault.property) },
  );
}

/** class-validator begins its sentences with the member's name; the pointer says that already. */
const withoutName = (message: string, name: string): string =>
  message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
