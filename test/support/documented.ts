import Ajv2020 from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

type Schema = Record<string, unknown>;
type Content = { schema?: Schema; examples?: Record<string, unknown> };
type Response = { headers?: Record<string, { $ref?: string; required?: boolean }>; content?: Record<string, Content> };
type Operation = { responses: Record<string, Response> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { headers: Record<string, { required?: boolean }>; schemas: Record<string, Schema> };
};

export type Sent = { readonly method: string; readonly path: string };
/** `text` is null for a file, of which only the media type is described. */
export type Answered = { readonly status: number; readonly headers: Headers; readonly text: string | null };

/** Headers that mean something to callers: they are documented where they come, and nowhere else. */
const TOLD = [
  'etag',
  'location',
  'retry-after',
  'idempotent-replayed',
  'www-authenticate',
  'allow',
  'personal-data-masked',
];

/** What no operation is asked for: paths and methods there are none at. */
const NOT_AN_OPERATION: Readonly<Record<number, readonly string[]>> = {
  400: ['http.malformed_url', 'http.malformed_request'],
  404: ['http.route_not_found'],
  405: ['http.method_not_allowed'],
  408: ['http.request_timeout'],
  413: ['http.body_too_large'],
  414: ['http.url_too_long'],
  415: ['http.unsupported_media_type'],
  503: ['http.shutting_down'],
};

/** Compares answers with the description of the API they come from. */
export class Documented {
  private readonly ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
  private readonly compiled = new Map<object, ValidateFunction>();

  constructor(private readonly document: Document) {
    this.ajv.addSchema({ $id: 'openapi', components: { schemas: closed(document.components.schemas) } });
  }

  /** Everything in which an answer is not as described. */
  faults({ method, path }: Sent, { status, headers, text }: Answered): string[] {
    const pathname = path.replace(/[?#].*$/s, '');
    if (/^\/(docs|openapi\.json)(\/|$)/.test(pathname)) return [];
    const type = headers.get('content-type')?.replace(/;.*$/, '') ?? null;
    const operation = this.operationAt(method === 'HEAD' ? 'GET' : method, pathname);
    if (operation === null) return this.strangerFaults(status, text ?? '');
    const response = operation.responses[String(status)];
    if (response === undefined) return [`status ${status} is not documented: ${text?.slice(0, 500)}`];
    return [
      ...this.headerFaults(response, headers),
      ...(method === 'HEAD' ? [] : this.bodyFaults(response, type, text)),
    ];
  }

  private operationAt(method: string, path: string): Operation | null {
    const sent = path.split('/');
    const fits = (template: string): boolean => {
      const parts = template.split('/');
      return (
        parts.length === sent.length &&
        parts.every((part, at) => (part.startsWith('{') ? sent[at] !== '' : part === sent[at]))
      );
    };
    // A literal path goes before a template, as with the router.
    const found = Object.keys(this.document.paths)
      .filter(fits)
      .sort((a, b) => holes(a) - holes(b));
    for (const template of found) {
      const operation = this.document.paths[template]![method.toLowerCase()];
      if (operation !== undefined) return operation;
    }
    return null;
  }

  private strangerFaults(status: number, text: string): string[] {
    const { code } = (text === '' ? {} : JSON.parse(text)) as { code?: string };
    const isKnown = text === '' || (NOT_AN_OPERATION[status] ?? []).includes(code ?? '');
    return isKnown ? [] : [`${status} ${code} for what is no operation`];
  }

  private headerFaults({ headers: documented = {} }: Response, headers: Headers): string[] {
    const isRequired = ({ $ref, required }: { $ref?: string; required?: boolean }): boolean =>
      ($ref === undefined ? required : this.document.components.headers[$ref.split('/').at(-1)!]?.required) === true;
    const names = Object.keys(documented).map((name) => name.toLowerCase());
    return [
      ...Object.entries(documented)
        .filter(([name, header]) => isRequired(header) && !headers.has(name))
        .map(([name]) => `the header ${name} is missing`),
      ...TOLD.filter((name) => headers.has(name) && !names.includes(name)).map(
        (name) => `the header ${name} is not documented`,
      ),
    ];
  }

  private bodyFaults({ content = {} }: Response, type: string | null, text: string | null): string[] {
    if (text === '' && Object.keys(content).length === 0) return [];
    const documented = content[type ?? ''];
    if (documented?.schema === undefined) return [`the content type ${type} is not documented`];
    if (text === null)
      return documented.schema['format'] === 'binary' ? [] : ['it is described as something else than a file'];
    if (type === 'text/event-stream') return this.streamFaults(documented.schema['contentSchema'] as Schema, text);
    if (type?.endsWith('json') !== true) return [];
    const body = JSON.parse(text) as { code?: string };
    const validate = this.validatorOf(documented.schema);
    const faults = validate(body) ? [] : [this.ajv.errorsText(validate.errors, { dataVar: 'body' })];
    if (type === 'application/problem+json' && !Object.hasOwn(documented.examples ?? {}, body.code ?? ''))
      faults.push(`the problem ${body.code} is not documented`);
    return faults;
  }

  /** Of the events that have arrived whole: each has the fields its name is described with. */
  private streamFaults(schema: Schema, text: string): string[] {
    const validate = this.validatorOf(schema);
    return eventsIn(text).flatMap((event) => {
      const isGood: boolean = validate(event);
      return isGood ? [] : [`the event ${event.event} is not as described: ${this.ajv.errorsText(validate.errors)}`];
    });
  }

  private validatorOf(schema: Schema): ValidateFunction {
    const validate = this.compiled.get(schema) ?? this.ajv.compile(closed(schema) as Schema);
    this.compiled.set(schema, validate);
    return validate;
  }
}

/** The events of a stream (WHATWG HTML §9.2.6), without comments and what has not arrived whole. */
const eventsIn = (text: string): { event: string; data: unknown }[] =>
  text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      return data === undefined ? [] : [{ event: field('event') ?? 'message', data: JSON.parse(data) as unknown }];
    });

const holes = (template: string): number => template.split('{').length;

/** The same schemas, but objects have only the members that are described; references lead into the document. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return (schema as unknown[]).map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([name, value]: [string, unknown]) => [
    name,
    name === '$ref' ? String(value).replace('#/', 'openapi#/') : name === 'example' ? value : closed(value),
  ]);
  const isOpen = !('properties' in schema) || 'additionalProperties' in schema || 'allOf' in schema;
  return { ...(Object.fromEntries(entries) as Schema), ...(isOpen ? {} : { unevaluatedProperties: false }) };
}

let description: Promise<Documented | null> | undefined;

/**
 * Throws when an answer of the service at `origin` is not as the service describes it. The description is the same for all services of one build; one
 * that describes nothing, as inside another application, is held to nothing.
 */
export async function expectDocumented(origin: string, sent: Sent, answered: Answered): Promise<void> {
  description ??= fetch(`${origin}/openapi.json`).then(async (answer) =>
    answer.status === 404 ? null : new Documented((await answer.json()) as Document),
  );
  const documented = await description.catch((error: unknown) => {
    description = undefined;
    throw error;
  });
  const faults = documented?.faults(sent, answered) ?? [];
  if (faults.length > 0)
    throw new Error(
      `${sent.method} ${sent.path} was answered ${answered.status} otherwise than described: ${faults.join('; ')}`,
    );
}
