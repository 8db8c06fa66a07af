import { HttpService } from '@nestjs/axios';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CrmHttp } from './crm-http.js';

describe('HTTP to CRMs', () => {
  const asking = async (answer: (response: ServerResponse) => void, timeoutMs?: number): Promise<unknown> => {
    const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return await new CrmHttp(new HttpService(), timeoutMs).get(url, {}).catch((error: unknown) => error);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const json = { 'content-type': 'application/json' };

  it('waits no longer than it was told', async () => {
    expect(await asking(() => undefined, 100)).toMatchObject({ kind: 'unavailable', code: 'crm.silent' });
  });

  it('takes an answer that breaks off on its way for none', async () => {
    const half = (response: ServerResponse) => {
      response.writeHead(200, { ...json, 'content-length': '100' });
      response.write('{"results":[', () => response.destroy());
    };
    expect(await asking(half)).toMatchObject({ code: 'crm.silent' });
  });

  it('goes nowhere it is sent', async () => {
    const elsewhere = (response: ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
    expect(await asking(elsewhere)).toMatchObject({ kind: 'refused', extra: { status: 302 } });
  });

  it.each<[string, number | undefined]>([
    ['7', 7_000],
    ['999999', 3_600_000],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('reads Retry-After: %s', async (header, retryAfterMs) => {
    const busy = (response: ServerResponse) => response.writeHead(429, { 'retry-after': header }).end();
    const error = (await asking(busy)) as { code: string; retryAfterMs: number | undefined };
    expect([error.code, error.retryAfterMs]).toEqual(['crm.throttled', retryAfterMs]);
  });
});
