import { Clock, SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { examine, exitCode } from './doctor.js';
import type { Finding } from './finding.js';
import { settingsOf } from './genesys-lab.contract.js';
import type { GenesysSettings, GenesysUses } from './genesys.settings.js';
import { openPlatform } from './platform.js';

class LateClock extends Clock {
  now(): Date {
    return new Date(Date.now() - 90_000);
  }
}

describe('The doctor', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  const look = (
    changes: Partial<GenesysSettings> = {},
    clock: Clock = new SystemClock(),
    uses?: GenesysUses,
  ): Promise<Finding[]> => {
    const settings = { ...settingsOf(lab), ...changes };
    const limits = { attemptMs: 1_000, callMs: 2_000, attempts: 1 };
    const { client, queue } = openPlatform(settings, new LoneGate(clock), limits);
    queue.perMinute = 60_000;
    return examine(settings, client, clock, uses);
  };
  const forbid = (match: string) => () => lab.fault('genesys', match, { permission: false }, 10);
  const configure = (settings: object) => () => lab.http('PATCH', '/sandbox/genesys/deployment', settings);
  const nothing = async () => undefined;

  it('finds nothing missing where nothing is, and leaves nothing behind', async () => {
    const findings = await look();
    expect(findings.map(({ about, verdict }) => [about, verdict])).toEqual(
      ['credentials', 'clock', 'permission', 'permission', 'limits', 'deployment', 'origin'].map((about) => [
        about,
        'fine',
      ]),
    );
    expect(exitCode(findings)).toBe(0);
    expect(await lab.conversations()).toEqual([]);
    const frames = (await lab.requests()).filter(({ method }) => method === 'WS');
    expect(JSON.stringify(frames)).not.toContain('configureSession');
  });

  it.each<[string, () => Promise<unknown>, Partial<GenesysSettings>, Finding['about'], 1 | 2, RegExp, RegExp | null]>([
    [
      'a wrong secret',
      nothing,
      { clientSecret: 'guess' },
      'credentials',
      2,
      /does not accept GENESYS_CLIENT_ID/,
      /linking/,
    ],
    [
      'an API that is away',
      () => lab.fault('genesys', '/api/v2', { status: 503 }, 50),
      {},
      'credentials',
      2,
      /does not answer/,
      /linking/,
    ],
    ['no right to look messages up', forbid('/details'), {}, 'permission', 1, /conversation:message:view/, /^linking/],
    ['no right to write participant data', forbid('/attributes'), {}, 'permission', 1, /participant data/, /^updates/],
    ['no right to read the limits', forbid('/limits/'), {}, 'limits', 1, /300 calls a minute are kept/, /raised/],
    ['no autostart', configure({ autoStart: false }), {}, 'deployment', 1, /Automatically Start/, /first message/],
    [
      'no clear',
      configure({ conversationClear: false }),
      {},
      'deployment',
      1,
      /Conversation Clear/,
      /end their conversation/,
    ],
    [
      'no disconnect',
      configure({ conversationDisconnect: 'Off' }),
      {},
      'deployment',
      1,
      /Conversation Disconnect/,
      /not told/,
    ],
    ['another deployment', nothing, { deploymentId: 'nowhere' }, 'deployment', 2, /no published deployment/, /guests/],
    [
      'another origin',
      nothing,
      { origin: 'https://elsewhere.test' },
      'origin',
      2,
      /refuses guest sockets.*elsewhere\.test/,
      /server-led/,
    ],
  ])('names %s, what it costs, and how bad it is', async (_, upset, changes, about, code, says, feature) => {
    await upset();
    const findings = await look(changes);
    const missing = findings.find((finding) => finding.about === about && finding.verdict !== 'fine');
    expect(missing?.says).toMatch(says);
    if (feature !== null) expect(missing?.feature).toMatch(feature);
    expect(exitCode(findings)).toBe(code);
    expect(JSON.stringify(findings)).not.toContain(settingsOf(lab).clientSecret);
  });

  const NOTHING: GenesysUses = { contactSourceId: null, notifications: false, erasure: 'report' };
  const EVERYTHING: GenesysUses = {
    contactSourceId: '5a4d0b0c-0000-4000-8000-00000000e001',
    notifications: true,
    erasure: 'request',
  };

  it('asks of contacts and notifications only where they are used, and leaves neither a contact nor a listener behind', async () => {
    await look();
    const asked = async () => (await lab.requests()).filter(({ path }) => /externalcontacts|notifications/.test(path));
    expect(await asked()).toEqual([]);
    const permissions = (await look({}, undefined, EVERYTHING)).filter(({ about }) => about === 'permission');
    expect(permissions.map(({ verdict }) => verdict)).toEqual(['fine', 'fine']);
    expect(
      (await asked()).map(({ method, path }) => `${method} ${path.replace(/(streaming-0-)?[0-9a-f-]{32,}/, '$1…')}`),
    ).toEqual([
      'POST /api/v2/externalcontacts/bulk/contacts/enrich',
      'POST /api/v2/externalcontacts/identifierlookup/contacts',
      'DELETE /api/v2/externalcontacts/contacts/…',
      'GET /api/v2/externalcontacts/contacts/schemas/…',
      'PUT /api/v2/externalcontacts/conversations/…',
      'POST /api/v2/notifications/channels',
      'PUT /api/v2/notifications/channels/streaming-0-…/subscriptions',
    ]);
    expect((await lab.http('GET', '/sandbox/crm/genesys-contacts/records')).body).toEqual([]);
  });

  it('names each right that contacts want, and what it costs to lack it', async () => {
    const lacking: [target: string, path: string, permission: string, feature: RegExp][] = [
      [
        'crm/genesys-contacts',
        '/contacts/enrich',
        'externalContacts:contact:enrich',
        /^keeping guests as external contacts/,
      ],
      ['genesys', '/identifierlookup/', 'externalContacts:contact:view', /guest’s contact/],
      [
        'crm/genesys-contacts',
        '/externalcontacts/contacts/',
        'externalContacts:contact:delete',
        /^erasing guests: their contacts stay/,
      ],
      ['crm/genesys-contacts', '/contacts/schemas/', 'externalContacts:customFields:view', /fields contacts have/],
      [
        'genesys',
        '/externalcontacts/conversations/',
        'externalContacts:conversation:associate',
        /^putting conversations/,
      ],
    ];
    for (const [target, path] of lacking) await lab.fault(target, path, { status: 403 });
    const findings = await look({}, undefined, EVERYTHING);
    const missing = findings.filter(({ verdict }) => verdict !== 'fine');
    expect(missing).toHaveLength(lacking.length);
    for (const [at, [, , permission, feature]] of lacking.entries()) {
      expect(missing[at]?.says).toMatch(new RegExp(`lacks the permission .*${permission}`));
      expect(missing[at]?.feature).toMatch(feature);
    }
    expect(exitCode(findings)).toBe(1);
  });

  it('asks whether erasures may be looked for where Genesys is asked for them, and says of asking that only one can show it', async () => {
    const asked = async () => (await lab.requests()).filter(({ path }) => path.includes('/gdpr/'));
    const said = (findings: Finding[]) => findings.filter(({ about }) => about === 'permission');
    expect(said(await look({}, undefined, NOTHING))).toEqual([
      { about: 'permission', verdict: 'fine', says: 'The OAuth client has the permissions we use.' },
    ]);
    expect(await asked()).toEqual([]);
    await lab.fault('genesys', '/gdpr/requests/', { permission: false });
    const findings = await look();
    expect(said(findings)).toMatchObject([
      {
        verdict: 'costs',
        says: expect.stringContaining('lacks the permission gdpr:request:view') as string,
        feature: expect.stringContaining('erasing guests at Genesys Cloud') as string,
      },
      { verdict: 'fine', says: expect.stringContaining('gdpr:request:add cannot be found out') as string },
    ]);
    expect(exitCode(findings)).toBe(1);
    expect((await asked()).map(({ method }) => method)).toEqual(['GET']);
  });

  it('names the rights that topics want, as Genesys names them', async () => {
    await lab.fault('genesys', '/subscriptions', { rejectTopics: true });
    const missing = (await look({}, undefined, EVERYTHING)).filter(({ verdict }) => verdict !== 'fine');
    expect(missing).toMatchObject([
      {
        about: 'permission',
        says: expect.stringContaining('lacks the permission analytics:conversationDetail:view') as string,
        feature: expect.stringContaining('by reconciliation alone') as string,
      },
    ]);
  });

  it('does not take what it could not find out for a right that is there', async () => {
    await lab.fault('genesys', '/attributes/search', { status: 500 }, 10);
    const permissions = (await look()).filter(({ about }) => about === 'permission');
    expect(permissions.map(({ verdict }) => verdict)).toEqual(['costs', 'fine']);
    expect(permissions[0]!.says).toContain('could not be found out (genesys.unavailable)');
  });

  it('notices a clock that is late', async () => {
    const clock = (await look({}, new LateClock())).find(({ about }) => about === 'clock');
    expect(clock).toMatchObject({ verdict: 'costs' });
    expect(clock?.says).toMatch(/(89|90|91) seconds behind/);
  });
});
