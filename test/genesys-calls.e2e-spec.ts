import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

type Row = Record<'call' | 'wire' | 'permission' | 'why' | 'evidence' | 'checked', string>;
type Table = { readTable: () => Row[]; isAbout: (row: Pick<Row, 'wire'>, call: string) => boolean };

const root = join(__dirname, '..');
const load = createRequire(__filename);
const { readTable, isAbout } = load('./support/genesys-calls/table.js') as Table;
const apis = join(root, 'node_modules/purecloud-platform-client-v2/src/purecloud-platform-client-v2/api');
const login = readFileSync(join(apis, '..', 'ApiClient.js'), 'utf8');

/** All requests of the guest socket there are: `RequestType` in the schema of MyPureCloud/web-messaging-sdk-java. */
const ACTIONS = [
  ...['configureSession', 'configureAuthenticatedSession', 'onMessage', 'echo', 'getJwt', 'closeSession'],
  ...['onAttachment', 'getAttachment', 'deleteAttachment', 'getConfiguration'],
];

/** What no SDK defines; its evidence is the official clients' own code. */
const OUTSIDE_THE_SDK = ['config.json', 'connect', 'channel', 'presignedUrl', ...ACTIONS];

/** `Class.method` to verb and path, as the SDK's sources have them. */
function definitions(): Map<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(apis)) {
    const methods = readFileSync(join(apis, file), 'utf8').split(/\n\t}\n/);
    for (const method of methods) {
      const definition = /\n\t(\w+)\([^\n]*\) \{[^]*callApi\(\s*'([^']+)',\s*'([A-Z]+)'/.exec(method);
      if (definition !== null)
        found.set(`${file.replace('.js', '')}.${definition[1]}`, `${definition[3]} ${definition[2]}`);
    }
  }
  return found;
}

/** The adapter's sources, each with its text. */
function sources(): [file: string, text: string][] {
  const adapter = join(root, 'src', 'adapters', 'genesys');
  const files = readdirSync(adapter).filter((file) => !/\.(spec|contract)\.ts$/.test(file));
  return files.map((file) => [file, readFileSync(join(adapter, file), 'utf8')]);
}

/** Names of SDK methods that our sources call. */
function called(methods: ReadonlySet<string>): string[] {
  const names = sources().flatMap(([, text]) => [...text.matchAll(/\.(\w+)\(/g)].map(([, name = '']) => name));
  return names.filter((name) => methods.has(name));
}

describe('docs/genesys-calls.md', () => {
  const rows = readTable();
  const defined = definitions();

  it('reads the SDK as it is', () => {
    expect(defined.size).toBeGreaterThan(2_000);
    expect(defined.get('NotificationsApi.putNotificationsChannelSubscriptions')).toBe(
      'PUT /api/v2/notifications/channels/{channelId}/subscriptions',
    );
  });

  it.each(rows)('$wire says why, by what right, and how we know', ({ permission, why, evidence, checked }) => {
    expect([permission, why]).not.toContain('');
    expect(evidence).toMatch(/\b(SDK|NET|MT|WMJ)\b/);
    expect(checked).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(Date.parse(checked)).toBeLessThan(Date.now() + 86_400_000);
  });

  it.each(rows)('$wire is defined like that', ({ call, wire }) => {
    if (call === 'ApiClient.loginClientCredentialsGrant')
      return expect([wire, login]).toEqual(['POST /oauth/token', expect.stringContaining('/oauth/token`, `POST`')]);
    if (!OUTSIDE_THE_SDK.includes(call)) return expect({ call, wire: defined.get(call) }).toEqual({ call, wire });
    if (call === 'presignedUrl') return expect(wire).toMatch(/^(PUT|GET) presigned$/);
    expect(wire).toMatch(call === 'config.json' ? /^GET .*\/config\.json$/ : new RegExp(`^WS ${call}( |$)`));
  });

  it('has each call once', () => {
    const wires = rows.map(({ wire }) => wire.replace(/\{\w+\}/g, '{}'));
    expect(wires.filter((wire, at) => wires.indexOf(wire) !== at)).toEqual([]);
  });

  it('has every method of the SDK that our sources call', () => {
    const names = new Set([...defined.keys()].map((key) => key.split('.')[1] ?? ''));
    const documented = rows.map(({ call }) => call.split('.')[1]);
    const used = called(names);
    expect(used).toContain('getConversationsMessageDetails');
    expect(used.filter((name) => !documented.includes(name))).toEqual([]);
  });

  it('hears of every call, because none leaves but by the doors that tell', () => {
    const opening = sources().filter(([, text]) => /\bnew WebSocket\(/.test(text));
    expect(opening.map(([file]) => file)).toEqual(['web-socket.ts']);
    const door = /\bfetch\(|\bimport \{[^}]*\bconnect\b[^}]*\} from '\.\/web-socket\.js'|\btransport\.send\(/;
    const doors = sources().filter(([, text]) => door.test(text));
    expect(doors.map(([file]) => file).sort()).toEqual([
      'exchange.ts',
      'guest-socket.ts',
      'notification-socket.ts',
      'platform-client.ts',
    ]);
    for (const [, text] of doors) expect(text).toMatch(/\btell(Request|Socket)\(/);
  });

  it('tells one call from another', () => {
    const row = { wire: 'GET /api/v2/conversations/messages/{conversationId}' };
    expect(isAbout(row, 'GET /api/v2/conversations/messages/{id}')).toBe(true);
    expect(isAbout(row, 'GET /gateway/api/v2/conversations/messages/c-1')).toBe(true);
    expect(isAbout(row, 'PATCH /api/v2/conversations/messages/{id}')).toBe(false);
    expect(isAbout(row, 'GET /api/v2/conversations/messages/{id}/details')).toBe(false);
    expect(isAbout({ wire: 'WS onMessage Text' }, 'WS onMessage Presence/Join')).toBe(false);
  });
});

describe('a run of the suite', () => {
  type Reporter = {
    onRunComplete: (contexts: unknown, results: object) => void;
    getLastError: () => Error | undefined;
  };
  const GenesysCallsReporter = load('./support/genesys-calls/reporter.js') as new (config: object) => Reporter;
  const whole = { numPassedTests: 9, numTotalTests: 9, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
  const rows = readTable();
  const all = rows.map(({ wire }) => wire.replace(/\{\w+\}/g, '{id}'));

  /** What a run that made these calls is told. */
  function told(calls: string[], { patterns = [] as string[], results = whole } = {}): string {
    const recorded = process.env['GENESYS_CALLS'];
    const file = join(mkdtempSync(join(tmpdir(), 'calls-of-a-run-')), 'calls.txt');
    writeFileSync(file, calls.join('\n'));
    process.env['GENESYS_CALLS'] = file;
    const complaint = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const reporter = new GenesysCallsReporter({ testPathPatterns: { patterns } });
    reporter.onRunComplete(null, { ...results });
    complaint.mockRestore();
    process.env['GENESYS_CALLS'] = recorded;
    return reporter.getLastError()?.message ?? '';
  }

  it('passes when it made the calls that are documented', () => {
    expect(told(all)).toBe('');
  });

  it('fails for a call that is not documented, however little of it ran', () => {
    expect(told(['DELETE /api/v2/tokens/me'], { patterns: ['one.spec'] })).toContain(
      'DELETE /api/v2/tokens/me was called',
    );
  });

  it('fails for a documented call that nobody made, when all of it ran', () => {
    const [unmade = '', ...others] = all;
    expect(told(others)).toContain(`${rows[0]?.wire} was never called`);
    expect(unmade).not.toBe('');
    expect(told(others, { patterns: ['one.spec'] })).toBe('');
    expect(told(others, { results: { ...whole, numPassedTests: 8 } })).toBe('');
  });
});
