import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { declaredRoutes } from './access.js';
import { completeAnswers, HEADERS } from './openapi.answers.js';
import type { Operation } from './openapi.answers.js';

export { Problems } from './openapi.problems.js';
export { HEADER } from './openapi.answers.js';

/** The description of the whole API, OpenAPI 3.1. */
function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Guest Manager for Genesys Cloud')
    .setDescription(
      'Guest sessions for Genesys Cloud Web Messaging. Errors are `application/problem+json` (RFC 9457); their `code` is stable. ' +
        'Every POST and PATCH may carry an `Idempotency-Key`; its answer can be had again for 24 hours. ' +
        'A limited caller finds its quota in `RateLimit-Policy` and `RateLimit`, and is answered 429 with `Retry-After` beyond it. ' +
        'Paths that are not listed are answered 404, methods that are not listed 405 with `Allow`; headers that are too large 431.',
    )
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/')
    .addTag('guests', 'Guest sessions')
    .addTag('consents', 'What guests agreed to, with receipts anybody can check')
    .addTag('messages', 'What is said in a server-led guest’s conversation')
    .addTag('metrics', 'What guests did, measured')
    .addTag('genesys', 'What Genesys Cloud tells us')
    .addTag('audit', 'What happened to guests, and who did it')
    .addTag('access', 'Who may call')
    .addTag('widget tokens', 'Tokens with which a page acts as its own guest')
    .addTag('erasures', 'What is erased of guests, and where')
    .addTag('retention', 'For how long data is kept')
    .addTag('crm-sync', 'How CRMs are kept in step, and what they would not take')
    .addTag('webhooks', 'What customers’ systems are told of guests')
    .addTag('health', 'For whoever keeps the service running')
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        description:
          'An API key, an access token of the issuer that is configured, or a widget token. Each call names the scope it needs.',
      },
      'bearer',
    )
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'webhook-signature',
        description:
          'Standard Webhooks 1.0.0: `v1,` and the HMAC-SHA-256 of `webhook-id.webhook-timestamp.body` in base64, with a secret of `GENESYS_EVENTS_SECRETS`.',
      },
      'signature',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory: (_controller, method) => method });
  document.components = { ...document.components };
  document.components.schemas = { ...document.components.schemas, ...PROBLEM_SCHEMAS };
  document.components.headers = HEADERS;
  for (const route of declaredRoutes(app)) describe(document, route);
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
function describe(document: OpenAPIObject, route: ReturnType<typeof declaredRoutes>[number]): void {
  const item = document.paths[route.path.replaceAll(/:(\w+)/g, '{$1}')] as Record<string, Operation> | undefined;
  const operation = item?.[route.method.toLowerCase()];
  if (!operation) return;
  const { access } = route;
  operation.security =
    access.kind === 'scope' ? [{ bearer: [access.scope] }] : access.kind === 'signed' ? [{ signature: [] }] : [];
  const needs =
    access.kind === 'scope'
      ? `Needs the scope \`${access.scope}\`.`
      : access.kind === 'signed'
        ? 'Needs a signature by a secret we know.'
        : 'Open to anybody.';
  const widgets = access.kind === 'scope' && access.forWidgets ? ' A widget token of this guest may call it too.' : '';
  operation.description = [operation.description, needs + widgets].filter(Boolean).join('\n\n');
  completeAnswers(document, operation, route);
}

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
      currentETag: { type: 'string', description: 'The version there is now', example: '"2"' },
      current: {
        type: ['object', 'null'],
        additionalProperties: true,
        description: 'What there is now, as GET would show it',
      },
      conflicts: {
        type: 'array',
        items: { type: 'string' },
        description: 'RFC 6901: what both this request and somebody else changed',
      },
      mergeable: { type: 'boolean', description: 'Whether nothing conflicts: repeat it with the current ETag' },
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
