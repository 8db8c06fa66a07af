import { applyDecorators } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiResponse, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { declaredRoutes } from './access.js';
import { PROBLEM_TYPE } from './problem.js';

const PROBLEM_REF = '#/components/schemas/Problem';

/** Documents the errors a route answers, by status and code: `@Problems({ 404: ['guest.not_found'] })`. */
export const Problems = (problems: Readonly<Record<number, readonly string[]>>): MethodDecorator & ClassDecorator =>
  applyDecorators(
    ...Object.entries(problems).map(([status, codes]) =>
      ApiResponse({
        status: Number(status),
        description: codes.map((code) => `\`${code}\``).join(', '),
        content: problemContent(),
      }),
    ),
  );

/** The description of the whole API, OpenAPI 3.1. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Guest Manager for Genesys Cloud')
    .setDescription(
      'Guest sessions for Genesys Cloud Web Messaging. Errors are `application/problem+json` (RFC 9457); their `code` is stable. ' +
        'Every POST and PATCH may carry an `Idempotency-Key`; its answer can be had again for 24 hours. ' +
        'A limited caller finds its quota in `RateLimit-Policy` and `RateLimit`, and is answered 429 with `Retry-After` beyond it.',
    )
    .setVersion('1')
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        description:
          'An API key, an access token of the issuer that is configured, or a widget token. Each call names the scope it needs.',
      },
      'bearer',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory: (_controller, method) => method });
  document.components = { ...document.components };
  document.components.schemas = { ...document.components.schemas, ...PROBLEM_SCHEMAS };
  for (const route of declaredRoutes(app)) describeAccess(document, route);
  return document;
}

/** Serves the description at /openapi.json and a page made of it at /docs, to anybody. */
export function serveOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    customSiteTitle: 'Guest Manager for Genesys Cloud',
  });
}

/** What the guard asks is what the description says: both read the same decorators. */
function describeAccess(document: OpenAPIObject, route: ReturnType<typeof declaredRoutes>[number]): void {
  const item = document.paths[route.path.replaceAll(/:(\w+)/g, '{$1}')] as Record<string, Operation> | undefined;
  const operation = item?.[route.method.toLowerCase()];
  if (!operation) return;
  operation.security = route.access.kind === 'scope' ? [{ bearer: [route.access.scope] }] : [];
  if (route.access.kind === 'scope' && route.access.forWidgets)
    operation.description = [operation.description, WIDGETS_MAY].filter(Boolean).join(' ');
  operation.responses['default'] ??= { description: 'Any other error', content: problemContent() };
}

const WIDGETS_MAY = 'A widget token of this guest may call it too.';

type Operation = { description?: string; security?: unknown; responses: Record<string, unknown> };

const problemContent = () => ({ [PROBLEM_TYPE]: { schema: { $ref: PROBLEM_REF } } });

const PROBLEM_SCHEMAS: NonNullable<NonNullable<OpenAPIObject['components']>['schemas']> = {
  Problem: {
    type: 'object',
    description: 'RFC 9457 problem details. Members beside those listed depend on the code.',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string', format: 'uri-reference', description: 'The code as a URI reference' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string', description: 'What happened, and what to do about it' },
      instance: { type: 'string', format: 'uri-reference', description: 'The path of the request' },
      code: { type: 'string', description: 'Stable; the one to switch on', example: 'guest.not_found' },
      errors: { type: 'array', items: { $ref: '#/components/schemas/ProblemField' } },
    },
    additionalProperties: true,
  },
  ProblemField: {
    type: 'object',
    required: ['pointer', 'rule', 'message'],
    properties: {
      pointer: { type: 'string', description: 'RFC 6901, into the body or the query; empty for all of it' },
      rule: { type: 'string' },
      message: { type: 'string' },
    },
  },
};
