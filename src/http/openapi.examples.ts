import type { OpenAPIObject } from '@nestjs/swagger';

/** A JSON Schema as far as ours go. */
export type Schema = {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly example?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
};

/** An id as examples show it. */
export const EXAMPLE_ID = '01890a5d-ac96-774b-bcce-b302099a8057';

/** Stands for a text of which nothing is said. Every text of ours says something. */
export const PLACEHOLDER = 'text';

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: EXAMPLE_ID,
  'date-time': '2026-01-01T09:00:00.000Z',
  uri: 'https://example.com/support',
  email: 'user@example.com',
  binary: '%PDF-1.7 …',
};

/**
 * A value that fits a schema: its own example where it has one, else its parts' examples put together. Of what may be absent only what has an example
 * is shown. Null where the schema allows it and says nothing more.
 */
export function exampleOf(schema: Schema, document: OpenAPIObject): unknown {
  if (schema.example !== undefined) return schema.example;
  if (schema.$ref !== undefined) return exampleOf(named(schema.$ref, document), document);
  const [part] = schema.allOf ?? schema.oneOf ?? [];
  if (part !== undefined) return exampleOf(part, document);
  const types = [schema.type ?? []].flat();
  if (types.includes('null')) return null;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.default !== undefined) return schema.default;
  if (types.includes('object')) return objectOf(schema, document);
  if (types.includes('array')) return [exampleOf(schema.items ?? {}, document)];
  if (types.includes('boolean')) return true;
  if (types.includes('integer') || types.includes('number')) return schema.minimum ?? 1;
  return BY_FORMAT[schema.format ?? ''] ?? PLACEHOLDER;
}

function objectOf({ properties = {}, required = [] }: Schema, document: OpenAPIObject): Record<string, unknown> {
  const shown = Object.entries(properties).filter(
    ([name, property]) => required.includes(name) || property.example !== undefined,
  );
  return Object.fromEntries(shown.map(([name, property]) => [name, exampleOf(property, document)]));
}

function named(ref: string, { components }: OpenAPIObject): Schema {
  return (components?.schemas as Record<string, Schema> | undefined)?.[ref.replace('#/components/schemas/', '')] ?? {};
}
