import { redactBody, redactHeaders } from './redaction.js';
import { RequestLog, type ReceivedRequest } from './requests.js';

const request = (path: string): ReceivedRequest => ({
  at: '',
  target: 'genesys',
  method: 'GET',
  path,
  headers: {},
  body: null,
});

describe('The log of requests', () => {
  it('keeps the newest fifty thousand, oldest first', () => {
    const log = new RequestLog();
    for (let turn = 1; turn <= 75_000; turn += 1) log.add(request(`/${turn}`), 1);
    const kept = log.list();
    expect(kept).toHaveLength(50_000);
    expect([kept[0]?.path, kept.at(-1)?.path]).toEqual(['/25001', '/75000']);
  });

  it('keeps less when they are large', () => {
    const log = new RequestLog();
    for (let turn = 1; turn <= 100; turn += 1) log.add(request(`/${turn}`), 1024 * 1024);
    expect(log.list()).toHaveLength(64);
  });

  it('hides credentials wherever they stand', () => {
    const token = '0b7c7c9e-6e1c-4a3f-9d0a-1f2e3d4c5b6a';
    const frame = {
      token,
      journeyContext: { customer: { id: token } },
      data: { code: 'eyJhbGciOi.eyJzdWIi.c2ln' },
      text: 'hello',
    };
    expect(redactBody(frame)).toEqual({
      token: '[redacted]',
      journeyContext: { customer: { id: '[redacted]' } },
      data: { code: '[redacted]' },
      text: 'hello',
    });
    expect(redactHeaders({ authorization: 'Bearer abc', 'x-api-key': 'abc', accept: '*/*', cookie: 'a=b' })).toEqual({
      authorization: 'Bearer [redacted]',
      'x-api-key': '[redacted]',
      accept: '*/*',
      cookie: '[redacted]',
    });
  });
});
