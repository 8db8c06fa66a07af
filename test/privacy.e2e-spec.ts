import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../src/kernel/canonical-json.js';
import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { suiteService, testService } from './support/service.js';

const running = suiteService();

const EMAIL = 'Quentin.Zyxwvut@Example.com';
const PHONE = '+353 1 987 6543';
const TEXT = 'my secret question about zebras';
const AGENT = 'NosyBrowser/99.7';

/** Every spelling somebody might have left behind: as typed, lower case, encoded for a URL, in base64, without its spaces, in hex. */
function spellings(...values: string[]): string[] {
  const plain = values.flatMap((value) => [value, value.toLowerCase(), value.trim(), value.replaceAll(' ', '')]);
  const digits = plain.filter((value) => /^\+?[\d ]+$/.test(value)).map((value) => value.replaceAll(/\D/g, ''));
  const forms = [...plain, ...digits].flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64').replace(/=+$/, ''),
    Buffer.from(value).toString('base64url'),
    Buffer.from(value).toString('hex'),
    Buffer.from(value, 'utf16le').toString('latin1'),
  ]);
  return [...new Set(forms)];
}

function filesUnder(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    return stat.isDirectory() ? filesUnder(path) : [path];
  });
}

/** What anybody could make of a request without a key, and so find out by trying e-mails and phones. */
function plainHashes(body: Record<string, unknown>): string[] {
  const texts = [[{}, {}, body], [{}, body], [body], body].map(canonicalJson);
  const identifiers = [body['email'], body['phone']]
    .filter((value) => typeof value === 'string')
    .flatMap((value) => spellings(value));
  return [...texts, JSON.stringify(body), ...identifiers].flatMap((text) => {
    const digest = createHash('sha256').update(text).digest();
    return [
      digest.toString('hex'),
      digest.toString('base64').replace(/=+$/, ''),
      digest.toString('base64url'),
      digest.toString('latin1'),
    ];
  });
}

const found = (where: string | Buffer, what: string[]): string[] => what.filter((spelling) => where.includes(spelling));

it('a guest leaves neither e-mail, phone, message text nor browser in the clear: not on disk, not in the log, not with others', async () => {
  const { api, sandbox } = running;
  const wanted = aBody({ email: EMAIL, phone: PHONE, attributes: { source: 'website' } });
  const headers = { 'user-agent': AGENT, 'idempotency-key': 'privacy-1' };
  const { body: guest } = await api.post<GuestAnswer>('/v1/guests', wanted, headers);
  await api.post('/v1/guests', aBody({ email: EMAIL, phone: 'not a phone' }), headers);
  await api.post('/v1/guests', aBody({ email: `${EMAIL} `, extra: EMAIL }), headers);
  await api.get(`/v1/guests?email=${encodeURIComponent(EMAIL)}`, headers);
  await api.get(`/v1/guests/${encodeURIComponent(EMAIL)}`, headers);
  await conversationOf(sandbox, guest.id);
  await api.post(`/v1/guests/${guest.id}/messages`, { text: TEXT }, headers);
  await until(
    async () =>
      (await api.get<{ items: { text: string; status: string }[] }>(`/v1/guests/${guest.id}/messages`)).body.items,
    (items) => items.some(({ text, status }) => text === TEXT && status === 'sent'),
  );
  const records = await until(
    async () => (await sandbox.get<{ externalId: string; keyId?: string }[]>('/crm/rest/records')).body,
    (all) => all.some(({ externalId }) => externalId === guest.id),
  );
  expect(records.find(({ externalId }) => externalId === guest.id)?.keyId).toBe('sandbox');

  const identifiers = spellings(EMAIL, PHONE);
  const everything = [...identifiers, ...spellings(TEXT, AGENT)];
  for (const file of filesUnder(running.dataDir)) {
    const bytes = readFileSync(file);
    expect([file, found(bytes, everything)]).toEqual([file, []]);
    expect([file, found(bytes.toString('latin1'), plainHashes(wanted))]).toEqual([file, []]);
  }
  expect(running.log()).toContain('request answered');
  expect(found(running.log(), everything)).toEqual([]);

  // Genesys has to be told what the guest writes; nobody is told who the guest is.
  const received = (await sandbox.get<{ target: string }[]>('/requests')).body;
  expect(new Set(received.map(({ target }) => target))).toEqual(new Set(['genesys', 'crm/rest']));
  expect(found(JSON.stringify(received), identifiers)).toEqual([]);
  expect(found(JSON.stringify(received.filter(({ target }) => target !== 'genesys')), everything)).toEqual([]);
  expect(
    found(JSON.stringify((await sandbox.get<SandboxConversation[]>('/genesys/conversations')).body), identifiers),
  ).toEqual([]);
}, 60_000);

it('what somebody typed into a page leaves no trace, and free fields take no personal data', async () => {
  const { api, sandbox } = running;
  const TYPED = 'Petra.Pagewright@Example.org';
  const originPage = `https://example.com/support?email=${encodeURIComponent(TYPED)}&x=${TYPED}#${TYPED}`;
  const made = await api.post<GuestAnswer>('/v1/guests', aBody({ channelContext: { originPage } }));
  expect(made.body).toMatchObject({ channelContext: { originPage: 'https://example.com/support' } });
  const path = `/v1/guests/${made.body.id}`;
  const again = await api.patch<GuestAnswer & { channelContext: object }>(
    path,
    { channelContext: { originPage } },
    { 'if-match': '"1"' },
  );
  expect(again.status).toBe(200);
  expect(again.body.channelContext).toEqual({ originPage: 'https://example.com/support' });

  const refusals: [Record<string, unknown>, string][] = [
    [{ attributes: { source: `from ${TYPED}` } }, '/attributes/source'],
    [
      { channelContext: { originPage: `https://example.com/u/${encodeURIComponent(TYPED)}` } },
      '/channelContext/originPage',
    ],
    [{ deviceFingerprint: TYPED }, '/deviceFingerprint'],
    [{ identityAttributes: { deviceFingerprint: TYPED } }, '/identityAttributes/deviceFingerprint'],
  ];
  const headers = { 'idempotency-key': 'privacy-2' };
  for (const [parts, pointer] of refusals) {
    const { status, body } = await api.post<ProblemAnswer>('/v1/guests', aBody(parts), headers);
    expect({ status, errors: body.errors }).toMatchObject({ status: 400, errors: [{ pointer, rule: 'personalData' }] });
    expect(found(JSON.stringify(body), spellings(TYPED))).toEqual([]);
  }
  const patched = await api.patch<ProblemAnswer>(path, { attributes: { source: TYPED } }, { 'if-match': '*' });
  expect([patched.status, patched.body.errors?.[0]?.rule]).toEqual([400, 'personalData']);

  await conversationOf(sandbox, made.body.id);
  await until(
    async () => (await sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body,
    (records) => records.some(({ externalId }) => externalId === made.body.id),
  );
  for (const file of filesUnder(running.dataDir))
    expect([file, found(readFileSync(file), spellings(TYPED))]).toEqual([file, []]);
  expect(found(running.log(), spellings(TYPED))).toEqual([]);
  expect(found(JSON.stringify((await sandbox.get('/requests')).body), spellings(TYPED))).toEqual([]);
}, 60_000);

it('the search that found nothing would have found it', () => {
  expect(found(Buffer.from(`x${EMAIL.toLowerCase()}x`), spellings(EMAIL))).not.toEqual([]);
  expect(found('phone=%2B353%201%20987%206543', spellings(PHONE))).not.toEqual([]);
  expect(found('35319876543', spellings(PHONE))).not.toEqual([]);
});

it('where masking is configured, what somebody typed is taken without it, told by pointer, and kept nowhere', async () => {
  const masking = await testService({ PERSONAL_DATA_IN_TEXT: 'mask' });
  try {
    const { api, sandbox, dataDir, log } = masking;
    const HEADER = 'personal-data-masked';
    const typed = ['Petra.Pagewright@Example.org', '+353 1 987 6543', '4111 1111 1111 1111', '198.51.100.77'] as const;
    const [email, phone, card, ip] = typed;
    const wanted = aBody({
      attributes: { source: `from ${email}, paid ${card}`, locale: 'en' },
      channelContext: {
        campaignId: 'WINTER-2024',
        originPage: `https://example.com/u/${encodeURIComponent(email)}?q=${email}`,
      },
    });
    const first = await api.post<GuestAnswer>('/v1/guests', wanted, { 'idempotency-key': 'masked-1' });
    expect([first.status, first.headers.get(HEADER)]).toEqual([
      201,
      '"/attributes/source", "/channelContext/originPage"',
    ]);
    expect(first.body).toMatchObject({
      attributes: { source: 'from [email] paid [card]', locale: 'en' },
      channelContext: { campaignId: 'WINTER-2024', originPage: 'https://example.com/u/%5Bemail%5D' },
    });
    const replayed = await api.post<GuestAnswer>('/v1/guests', wanted, { 'idempotency-key': 'masked-1' });
    expect([replayed.body, replayed.headers.get(HEADER)]).toEqual([first.body, first.headers.get(HEADER)]);

    const path = `/v1/guests/${first.body.id}`;
    const patch = { attributes: { source: `${phone} at ${ip}`, locale: null } };
    const changed = await api.patch<GuestAnswer>(path, patch, { 'if-match': '*' });
    expect([changed.status, changed.headers.get(HEADER)]).toEqual([200, '"/attributes/source"']);
    expect(changed.body).toMatchObject({ attributes: { source: '[phone] at [ip]' } });
    const clean = await api.patch<GuestAnswer>(path, { attributes: { source: 'website' } }, { 'if-match': '*' });
    expect([clean.status, clean.headers.get(HEADER)]).toEqual([200, null]);

    // All masked ones would be one device, or one campaign.
    const fingerprint = await api.post<ProblemAnswer>('/v1/guests', aBody({ deviceFingerprint: email }));
    const campaign = await api.post<ProblemAnswer>('/v1/guests', aBody({ channelContext: { campaignId: ip } }));
    expect([campaign.status, campaign.body.errors?.[0]?.pointer]).toEqual([400, '/channelContext/campaignId']);
    expect([fingerprint.status, fingerprint.body.errors?.[0]?.pointer]).toEqual([400, '/deviceFingerprint']);

    await conversationOf(sandbox, first.body.id);
    await until(
      async () => (await sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body,
      (all) => all.some(({ externalId }) => externalId === first.body.id),
    );
    const everything = spellings(...typed);
    for (const file of filesUnder(dataDir)) expect([file, found(readFileSync(file), everything)]).toEqual([file, []]);
    expect(found(log(), everything)).toEqual([]);
    expect(found(JSON.stringify((await sandbox.get('/requests')).body), everything)).toEqual([]);
  } finally {
    await masking.close();
  }
}, 60_000);
