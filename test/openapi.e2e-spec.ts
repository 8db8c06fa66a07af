import { declaredRoutes } from '../src/http/access.js';
import { SCOPES } from '../src/http/scopes.js';
import { Client } from './support/client.js';
import type { ProblemAnswer } from './support/client.js';
import { testService } from './support/service.js';
import type { TestService } from './support/service.js';

let running: TestService;
const KEYS = SCOPES.map(
  (scope) => `${scope.replace(':', '-')}:key-for-${scope.replace(':', '-')}-padded-to-length:${scope}`,
);

beforeAll(async () => {
  running = await testService({ API_KEYS: KEYS.join(',') });
}, 60_000);
afterAll(() => running?.close());

const clientWith = (scope: string): Client =>
  new Client(running.service.url, `key-for-${scope.replace(':', '-')}-padded-to-length`);

const SOME_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const routes = () => declaredRoutes(running.service.app);
const pathOf = (path: string): string => path.replaceAll(/:\w+/g, SOME_ID);

type Operation = { operationId: string; summary?: string; security: unknown; responses: Record<string, unknown> };

describe('the description of the API', () => {
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
      expect(operation!.security).toEqual(access.kind === 'scope' ? [{ bearer: [access.scope] }] : []);
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

  it('lets its own scope in and no other', async () => {
    for (const { method, path, access } of routes()) {
      if (access.kind !== 'scope') continue;
      for (const scope of SCOPES) {
        const { status, body } = await clientWith(scope).call<ProblemAnswer & { missingScope?: string }>(
          method,
          pathOf(path),
        );
        if (scope === access.scope) expect([path, [401, 403].includes(status)]).toEqual([path, false]);
        else expect([path, scope, status, body.missingScope]).toEqual([path, scope, 403, access.scope]);
      }
    }
  });
});
