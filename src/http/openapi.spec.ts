import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import { Open, Scope } from './access.js';
import { badHeader } from './http.errors.js';
import { Problems } from './openapi.js';
import { served } from './served.contract.js';
import type { Served } from './served.contract.js';

class ThingBody {
  @ApiProperty({ type: 'string', nullable: true })
  @IsString()
  name: string | null;
}

@Scope('guest:read')
@Controller('v1/things')
class ThingController {
  @Get(':id')
  @Problems({ 404: ['thing.not_found'] })
  get(@Param('id') id: string) {
    return id;
  }

  @Post()
  @Scope('guest:write')
  @Problems({ 409: ['thing.taken', 'thing.closed'] })
  create(@Body() body: ThingBody) {
    return body;
  }

  @Open()
  @Get('open/:one/:two')
  open() {
    return '';
  }
}

let http: Served;
let document: OpenAPIObject;
beforeAll(async () => {
  http = await served({ controllers: [ThingController] });
  document = (await http.call('GET', '/openapi.json', { token: null })).body;
});
afterAll(() => http.close());

describe('the description of the API', () => {
  it('is OpenAPI 3.1, open to anybody', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual([
      '/v1/things/{id}',
      '/v1/things',
      '/v1/things/open/{one}/{two}',
      '/v1/api-keys',
      '/metrics',
    ]);
  });

  it('says which scope each call needs', () => {
    expect(document.components!.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(document.paths['/v1/things/{id}']!.get!.security).toEqual([{ bearer: ['guest:read'] }]);
    expect(document.paths['/v1/things']!.post!.security).toEqual([{ bearer: ['guest:write'] }]);
    expect(document.paths['/v1/things/open/{one}/{two}']!.get!.security).toEqual([]);
  });

  it('says which errors to expect, and what they look like', () => {
    const { responses } = document.paths['/v1/things']!.post!;
    expect(responses['409']).toMatchObject({
      description: '`thing.taken`, `thing.closed`, `http.idempotency_in_progress`',
      headers: { 'X-Request-Id': {}, 'Retry-After': {} },
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: {
            'thing.taken': { value: { code: 'thing.taken', status: 409, instance: '/v1/things' } },
            'http.idempotency_in_progress': { value: { status: 409 } },
          },
        },
      },
    });
    expect(document.components!.schemas!['Problem']).toMatchObject({
      required: expect.arrayContaining(['code']) as string[],
    });
  });

  it('says what the edge answers whatever the controller does', () => {
    const statusesOf = (path: string, method: 'get' | 'post') =>
      Object.keys(document.paths[path]![method]!.responses).filter((status) => status >= '400');
    expect(statusesOf('/v1/things/open/{one}/{two}', 'get')).toEqual(['400', '414', '500', '503']);
    expect(statusesOf('/v1/things/{id}', 'get')).toEqual(['400', '401', '403', '404', '414', '429', '500', '503']);
    expect(statusesOf('/v1/things', 'post')).toEqual([
      '400',
      '401',
      '403',
      '408',
      '409',
      '410',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
  });

  it('says what storage may answer whatever is asked of it', () => {
    const unavailable = JSON.stringify(document.paths['/v1/things']!.post!.responses['503']);
    for (const code of ['storage.unavailable', 'storage.busy', 'storage.unit_too_long'])
      expect(unavailable).toContain(code);
  });

  it('shows a request and an answer of every kind', () => {
    const { requestBody, parameters } = document.paths['/v1/things']!.post!;
    expect(requestBody).toMatchObject({ content: { 'application/json': { example: { name: null } } } });
    expect(parameters).toEqual([expect.objectContaining({ name: 'Idempotency-Key', in: 'header' })]);
  });

  it('cannot show an error under a status it is not answered with', () => {
    expect(() => Problems({ 404: [badHeader('If-Match', 'rule', 'is bad')] })).toThrow('answered as 400');
  });

  it('refers to nothing that is not in it', () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    expect(names).toEqual(expect.arrayContaining(['ThingBody', 'ProblemField']));
    expect(Object.keys(document.components!.schemas!)).toEqual(expect.arrayContaining(names));
    expect(text).not.toContain('"nullable"');
  });
});

describe('the page made of it', () => {
  it('is there, with everything it loads', async () => {
    const page = await http.call('GET', '/docs', { token: null });
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!);
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      const { pathname, origin } = new URL(source, `${http.url}/docs`);
      expect(origin).toBe(http.url);
      expect([pathname, (await http.call('GET', pathname, { token: null })).status]).toEqual([pathname, 200]);
    }
  });

  it('does nothing its content security policy forbids', async () => {
    const page = await http.call('GET', '/docs', { token: null });
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(page.text).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>/);
    expect(page.text).not.toMatch(/\son\w+="/);
  });

  it('does not open the rest of the disk', async () => {
    for (const path of ['/docs/../package.json', '/docs/%2e%2e/package.json', '/docs/nothing.js']) {
      expect((await http.call('GET', path, { token: null })).status).toBe(404);
    }
  });
});
