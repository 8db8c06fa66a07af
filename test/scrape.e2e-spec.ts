import { aBody, until } from './support/client.js';
import { suiteService } from './support/service.js';

describe('GET /metrics', () => {
  const apiKey = 'key-of-a-scraper-padded-to-a-good-length';
  const running = suiteService({ API_KEYS: `test:${apiKey}:*` });
  const { api } = running;

  const scraped = async (): Promise<string> => {
    const answer = await fetch(`${running.service.url}/metrics`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ]);
    return answer.text();
  };

  it('tells how long requests took by route, and nothing of whom they were about', async () => {
    const { body } = await api.post<{ id: string }>('/v1/guests', aBody({ email: 'user@example.com' }));
    await api.get(`/v1/guests/${body.id}?email=user@example.com`);
    await api.get('/nowhere/user@example.com');
    const text = await until(scraped, (one) => one.includes('http_route="/v1/guests/:id"'));
    expect(text).toContain(
      'http_server_request_duration_seconds_count{http_request_method="POST",http_route="/v1/guests",http_response_status_code="201"} 1',
    );
    expect(text).toContain('http_route="",http_response_status_code="404"');
    expect(text).not.toContain('user@example.com');
    expect(text).not.toContain(body.id);
  });

  it('tells how the CRM fares, and the process', async () => {
    await until(scraped, (text) => text.includes('guest_manager_crm_waiting_records{crm="rest"} 0'));
    const text = await scraped();
    expect(text).toContain('guest_manager_crm_breaker{crm="rest",state="closed"} 1');
    expect(text).toContain('guest_manager_crm_breaker{crm="rest",state="open"} 0');
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^process_cpu_seconds_total \d/m);
    expect(text).toMatch(/^nodejs_eventloop_utilization (0|1|0\.\d+)$/m);
  });
});
