import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newDataDir } from './storage/test-storage.js';
import { aBody, Client } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { expectDocumented } from './support/documented.js';
import { hostileRequest, MARK, newSeed } from './support/hostile.js';
import type { HostileRequest, Stage } from './support/hostile.js';
import { freePort, startProcess } from './support/process.js';
import type { Started } from './support/process.js';
import { Wire } from './support/wire.js';
import type { WireAnswer } from './support/wire.js';

/** `npm run hostile` sends 20,000. A seed that found something finds it again. */
const REQUESTS = Number(process.env['HOSTILE_REQUESTS'] ?? 3_000);
const SEED = Number(process.env['HOSTILE_SEED'] ?? newSeed());
const AT_ONCE = 16;
/** No answer takes longer, whatever it is an answer to. */
const LONGEST_MS = 5_000;

let dataDir: string;
let service: Started;
let port: number;
let api: Client;

beforeAll(async () => {
  dataDir = await newDataDir();
  port = await freePort();
  const env = { DATA_DIR: dataDir, PORT: String(port), SANDBOX_PORT: '0', LOG_LEVEL: 'debug' };
  service = await startProcess('main.js', env, /A first guest/);
  api = new Client(`http://127.0.0.1:${port}`, readFileSync(join(dataDir, 'api-key'), 'utf8').trim());
}, 60_000);
afterAll(async () => {
  await service?.stop('SIGTERM');
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

it(`${REQUESTS} requests, good, nearly good and hostile, are answered as described, and only good ones leave something behind`, async () => {
  process.stdout.write(`hostile: HOSTILE_SEED=${SEED} HOSTILE_REQUESTS=${REQUESTS}\n`);
  const stage: Stage = { token: readFileSync(join(dataDir, 'api-key'), 'utf8').trim(), guestIds: await someGuests(20) };
  const before = await guestIds();
  const made = new Set<string>();
  const statuses: Record<string, number> = {};
  const faults: string[] = [];

  let next = 0;
  const worker = async (): Promise<void> => {
    const wire = new Wire(port);
    while (next < REQUESTS && faults.length < 10) {
      const at = next++;
      const request = hostileRequest(SEED, at, stage);
      try {
        const answer = await wire.send(request.bytes, request.sent?.method ?? methodOf(request), {
          keep: request.isFramed,
          ms: LONGEST_MS,
        });
        const fault = await faultOf(request, answer);
        if (fault !== null) throw new Error(fault);
        statuses[answer!.status] = (statuses[answer!.status] ?? 0) + 1;
        if (answer!.status === 201) made.add((JSON.parse(answer!.text) as GuestAnswer).id);
      } catch (error) {
        wire.close();
        faults.push(`request ${at} (${request.kind}): ${(error as Error).message}\n  ${shown(request)}`);
      }
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));

  expect(faults).toEqual([]);
  process.stdout.write(`hostile: ${JSON.stringify(statuses)}\n`);
  // Whoever only refuses, or only accepts, was not tried. A few hundred requests need not come by the rarer ones.
  const rarer = REQUESTS < 3_000 ? [] : [304, 413, 417];
  for (const status of [200, 201, 400, 401, 404, 405, 415, ...rarer])
    expect([status, statuses[status]]).toEqual([status, expect.any(Number)]);
  const after = await guestIds();
  expect(after.filter((id) => !before.includes(id)).sort()).toEqual([...made].sort());
  expect((await api.get('/health/ready')).status).toBe(200);
  expect(service.output()).toContain('request answered');
  expect(service.output()).not.toContain(MARK);
  expect(service.output()).not.toMatch(/"level":"(error|fatal)"/);
}, 120_000);

/** Null when the answer is one a caller can do something with. */
async function faultOf({ sent, bytes }: HostileRequest, answer: WireAnswer | null): Promise<string | null> {
  if (answer === null) return 'closed without a word';
  const { status, headers, text } = answer;
  if (status >= 500 && status !== 503) return `answered ${status}: ${text}`;
  const hasBody = !/^HEAD /.test(bytes.subarray(0, 5).toString());
  if (status >= 400 && hasBody) {
    if (headers.get('content-type') !== 'application/problem+json')
      return `answered ${status} as ${headers.get('content-type')}`;
    const { code } = JSON.parse(text) as { code?: string };
    if (typeof code !== 'string') return `answered ${status} without a code`;
  }
  if (!headers.has('x-request-id')) return `answered ${status} without an id`;
  if (sent !== null) await expectDocumented(api.url, sent, answer);
  return null;
}

const methodOf = ({ bytes }: HostileRequest): string => bytes.subarray(0, 10).toString('latin1').split(' ')[0]!;

const shown = ({ bytes }: HostileRequest): string => JSON.stringify(bytes.subarray(0, 600).toString('latin1'));

async function someGuests(count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }))),
  );
  return answers.map(({ body }) => body.id);
}

async function guestIds(): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: GuestAnswer[]; nextCursor: string | null } = (
      await api.get<{ items: GuestAnswer[]; nextCursor: string | null }>(
        `/v1/guests?limit=500${cursor === null ? '' : `&cursor=${cursor}`}`,
      )
    ).body;
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return ids;
}
