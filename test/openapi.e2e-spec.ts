import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { declaredRoutes } from '../src/http/access.js';
import { PLACEHOLDER } from '../src/http/openapi.examples.js';
import { SCOPES } from '../src/http/scopes.js';
import { Client } from './support/client.js';
import type { ProblemAnswer } from './support/client.js';
import { Documented } from './support/documented.js';
import type { Answered } from './support/documented.js';
import { suiteService } from './support/service.js';

/** For each scope a key with that one alone, and one with all but that one. */
const keyOf = (which: 'only' | 'not', scope: string): string => `${which}-${scope.replace(':', '-')}-padded-to-length`;
const KEYS = SCOPES.flatMap((scope) => {
  const name = scope.replace(':', '-');
  const others = SCOPES.filter((other) => other !== scope).join('+');
  return [`only-${name}:${keyOf('only', scope)}:${scope}`, `not-${name}:${keyOf('not', scope)}:${others}`];
});
const running = suiteService({ API_KEYS: KEYS.join(',') });

const clientWith = (which: 'only' | 'not', scope: string): Client =>
  new Client(running.service.url, keyOf(which, scope));

const SOME_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const routes = () => declaredRoutes(running.service.app);
const pathOf = (path: string): string => path.replaceAll(/:\w+/g, SOME_ID);

/** What the linter finds, sorted. */
const lint = (text: string): string[] => {
  const linter = join(__dirname, 'support', 'lint-openapi.mjs');
  return (JSON.parse(execFileSync(process.execPath, [linter], { input: text, encoding: 'utf8' })) as string[])
    .sort()
    .reverse();
};

type Shown = { example?: object; examples?: Record<string, { value: object }> };
type Description = {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, Shown> }> }>>;
};

type Operation = { operationId: string; summary?: string; security: unknown; responses: Record<string, unknown> };

describe('the description of the API', () => {
  it('promises an Idempotency-Key of every POST and PATCH, and that is what they take', () => {
    const changing = routes().filter(({ method }) => ['POST', 'PATCH'].includes(method));
    expect(changing.length).toBeGreaterThan(15);
    expect(changing.filter(({ isIdempotent }) => !isIdempotent).map(({ handler }) => handler)).toEqual([]);
  });

  it('calls every number it takes in a body an integer, as fractions are refused', async () => {
    type Schemas = Record<string, { properties?: Record<string, { type?: unknown }> }>;
    const { body } = await new Client(running.service.url).get<{ components: { schemas: Schemas } }>('/openapi.json');
    const bodies = Object.entries(body.components.schemas).filter(([name]) => name.endsWith('Body'));
    expect(bodies.length).toBeGreaterThan(9);
    const fractions = bodies.flatMap(([name, { properties = {} }]) =>
      Object.entries(properties).flatMap(([member, { type }]) => (type === 'number' ? [`${name}.${member}`] : [])),
    );
    expect(fractions).toEqual([]);
  });

  it('is OpenAPI 3.1 and describes every route under /v1, with its scope and its answers', async () => {
    const { body, status } = await new Client(running.service.url).get<{
      openapi: string;
      paths: Record<string, Record<string, Operation>>;
    }>('/openapi.json');
    expect([status, body.openapi]).toEqual([200, '3.1.0']);
    const described = routes().filter(({ path }) => path.startsWith('/v1'));
    expect(described.length).toBeGreaterThan(9);
    for (const { method, path, access } of described) {
      const operation = body.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect([path, operation?.summary]).toEqual([path, expect.any(String)]);
      expect(operation!.security).toEqual(
        access.kind === 'scope' ? [{ bearer: [access.scope] }] : access.kind === 'signed' ? [{ signature: [] }] : [],
      );
      expect(Object.keys(operation!.responses).some((code) => code.startsWith('2'))).toBe(true);
      expect(Object.keys(operation!.responses).some((code) => code.startsWith('4'))).toBe(true);
    }
    const ids = described.map(
      ({ method, path }) => body.paths[path.replaceAll(/:(\w+)/g, '{$1}')]![method.toLowerCase()]!.operationId,
    );
    expect(new Set(ids).size).toBe(ids.length);
    // OpenAPI 3.1 is JSON Schema 2020-12, which has no `nullable`.
    expect(JSON.stringify(body)).not.toContain('"nullable"');
  });

  it('is without fault, its examples included', async () => {
    const text = await (await fetch(`${running.service.url}/openapi.json`)).text();
    expect(lint(text)).toEqual([]);
    // A linter that finds nothing might not have looked.
    const broken = text.replace('"operationId":"createGuest",', '').replace('"version":1', '"version":"one"');
    expect(lint(broken)).toEqual([
      expect.stringMatching(/^operation-operationId/) as string,
      expect.stringMatching(/^no-invalid-media-type-examples.*version/) as string,
    ]);
  });

  it('shows in every example what might really be there', async () => {
    const { body } = await new Client(running.service.url).get<{ paths: object }>('/openapi.json');
    expect(JSON.stringify(body.paths)).toContain('"example"');
    // What stands in an example for a text of which nothing is said.
    expect(JSON.stringify(body.paths)).not.toContain(`:"${PLACEHOLDER}"`);
  });

  it('is what every test here compares answers with, and differences are noticed', async () => {
    const { body: document } = await new Client(running.service.url).get<Description>('/openapi.json');
    const documented = new Documented(document as never);
    const get = { method: 'GET', path: `/v1/guests/${SOME_ID}` };
    const { responses } = document.paths['/v1/guests/{id}']!.get!;
    const view = responses['200']!.content!['application/json']!.example!;
    const problem = responses['404']!.content!['application/problem+json']!.examples!['guest.not_found']!.value;
    const answered = (status: number, body: object, headers: Record<string, string> = {}): Answered => ({
      status,
      headers: new Headers({
        'content-type': status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json',
        'x-request-id': SOME_ID,
        ...headers,
      }),
      text: JSON.stringify(body),
    });
    const etag = { etag: '"2"' };
    expect(documented.faults(get, answered(200, view, etag))).toEqual([]);
    expect(documented.faults(get, answered(404, problem))).toEqual([]);
    for (const [answer, fault] of [
      [answered(200, view), 'the header ETag is missing'],
      [answered(200, { ...view, version: '2' }, etag), 'body/version must be integer'],
      [answered(200, { ...view, touched: {} }, etag), 'body must NOT have unevaluated properties'],
      [answered(202, view, etag), 'status 202 is not documented'],
      [answered(200, view, { ...etag, location: '/' }), 'the header location is not documented'],
      [answered(404, { ...problem, code: 'guest.gone' }), 'the problem guest.gone is not documented'],
      [answered(404, view), 'must have required property'],
      [answered(200, view, { ...etag, 'content-type': 'text/html' }), 'the content type text/html is not documented'],
    ] as const)
      expect(documented.faults(get, answer).join()).toContain(fault);
  });

  it('is what streams are compared with too, event by event', async () => {
    const { body: document } = await new Client(running.service.url).get<Description>('/openapi.json');
    const documented = new Documented(document as never);
    const content = document.paths['/v1/guests/{id}/events']!.get!.responses['200']!.content!;
    const stream = content['text/event-stream']!.example as unknown as string;
    const headers = new Headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-request-id': SOME_ID });
    const faults = (text: string): string[] =>
      documented.faults({ method: 'GET', path: `/v1/guests/${SOME_ID}/events` }, { status: 200, headers, text });
    expect(stream).toContain('event: message');
    expect(faults(stream)).toEqual([]);
    for (const [part, other] of [
      ['event: typing', 'event: shouting'],
      ['"version":3', '"version":"3"'],
      ['"from":"agent","status"', '"secret":"x","from":"agent","status"'],
      ['"interactionCount":1', '"count":1'],
    ] as const)
      expect([part, faults(stream.replace(part, other))]).toEqual([
        part,
        [expect.stringContaining('is not as described')],
      ]);
  });

  it('can be read by people', async () => {
    const page = await fetch(`${running.service.url}/docs`);
    expect([page.status, (await page.text()).includes('swagger-ui')]).toEqual([200, true]);
  });
});

describe('every route', () => {
  it('says who may call it', () => {
    expect(routes().filter(({ access }) => access.kind === 'undeclared')).toEqual([]);
    expect(
      routes()
        .filter(({ access }) => access.kind === 'open')
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/health/dependencies', '/health/live', '/health/ready', '/v1/consents/keys']);
  });

  it('lets in who has its scope, though nothing else, and nobody who has every scope but that', async () => {
    for (const { method, path, access } of routes()) {
      if (access.kind !== 'scope') continue;
      const call = (which: 'only' | 'not', scope: string) =>
        clientWith(which, scope).call<ProblemAnswer & { missingScope?: string }>(method, pathOf(path));
      const letIn = await call('only', access.scope);
      expect([method, path, [401, 403].includes(letIn.status)]).toEqual([method, path, false]);
      // What is answered comes from the route itself.
      expect(['http.route_not_found', 'http.method_not_allowed']).not.toContain(letIn.body?.code);
      const refused = await call('not', access.scope);
      expect([method, path, refused.status, refused.body]).toMatchObject([
        method,
        path,
        403,
        { code: 'auth.scope_missing', missingScope: access.scope },
      ]);
    }
  });

  it('that is not open lets nobody in without a token, and one that is lets everybody', async () => {
    const nobody = (method: string, path: string) => fetch(running.service.url + pathOf(path), { method });
    for (const { method, path, access } of routes())
      for (const as of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
        const { status } = await nobody(as, path);
        expect([as, path, status === 401]).toEqual([as, path, access.kind !== 'open']);
      }
  });

  it('that the server has is one that says so, and the other way round', () => {
    const declared = routes().map(({ method, path }) => `${method} ${path}`);
    const served = servedRoutes(
      running.service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false }),
    );
    // The description and the page made of it are made by a library, for everybody.
    const ours = served.filter((route) => !/ \/(docs|openapi\.json)(\/|$)/.test(route));
    expect(ours.sort()).toEqual([...declared].sort());
  });
});

/** `METHOD /path` of every route in the tree that Fastify prints. HEAD is GET without its body. */
function servedRoutes(tree: string): string[] {
  const above: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, segment, methods] = /^(.*?)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (indent === undefined) return [];
    above.splice(indent.length / 4, Infinity, segment!);
    const isRoute = (method: string): boolean => method !== 'HEAD';
    return methods!
      .split(', ')
      .filter(isRoute)
      .map((method) => `${method} ${above.join('')}`);
  });
}
