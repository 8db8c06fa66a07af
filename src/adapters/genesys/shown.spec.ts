import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A test by its file and a part of its source: its name, or the case of it. */
type Proof = readonly [file: string, ...says: string[]];

const ROOT = join(__dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The first cells of a table of a document, without those of its head. */
function rows(file: string, heading: string): string[] {
  const section = read(file).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) => line.split('|')[1]!.trim());
}

const ERRORS = 'src/adapters/genesys/guest-channel.errors.spec.ts';
const FAILURES = 'src/adapters/genesys/guest-channel.failures.spec.ts';
const CHANNEL = 'src/modules/guest/ports/guest-channel.contract.ts';
const CONVERSATIONS = 'src/modules/guest/ports/conversations.contract.ts';
const CALLS = 'src/adapters/genesys/platform-transport.spec.ts';
const SURROUNDINGS = 'src/adapters/genesys/guest-surroundings.spec.ts';
const NOTIFICATIONS = 'src/adapters/genesys/platform-notifications.spec.ts';
const SIGN_IN = 'src/adapters/genesys/guest-sign-in.spec.ts';
const ERASURE = 'src/adapters/genesys/platform-data-subject-requests.spec.ts';
const GDPR = 'src/sandbox/genesys/platform/gdpr.spec.ts';
const READ_ONLY = 'src/adapters/genesys/guest-channel.read-only.spec.ts';

const message = (...codes: number[]): Proof => [
  ERRORS,
  'fails the message as %s (%s), and the session %s',
  ...codes.map((code) => `[{ code: ${code} }, `),
];
const file = (...codes: number[]): Proof => [
  ERRORS,
  '%i refuses the file or the message that names it (%s)',
  ...codes.map((code) => `[${code}, 'genesys.file_`),
];
const AGAIN = 'while the session is configured again is tried again, with the same token';

/** What an error of the guest socket is met with, row by row of `docs/guest-socket.md`. */
const ERROR_ROWS: Readonly<Record<string, readonly Proof[]>> = {
  '4000': [message(4000)],
  '4006, 4007': [
    message(4006, 4007),
    [ERRORS, 'it.each([4006, 4007, 4017])', 'while it is configured again ends it'],
    [FAILURES, 'is over when it has expired: said once, refused from then on, not held'],
  ],
  '4011, 4013': [
    message(4011, 4013),
    [CHANNEL, 'refuses a text that is longer than Genesys takes, in bytes'],
    [FAILURES, 'never sends attributes that are too long'],
  ],
  '4001, 4002, 4003': [file(4001, 4002, 4003)],
  '4004, 4005': [file(4004, 4005)],
  '4008, 4009, 4010': [file(4008, 4009, 4010)],
  '4102': [file(4102), ['test/attachments.e2e-spec.ts', 'is refused for good when Genesys will not have it']],
  '4017': [message(4017), [SIGN_IN, 'cannot be opened as somebody who has not (4017)']],
  '4020': [message(4020)],
  '4029 in a 429': [
    [ERRORS, 'of too many messages is waited out as told, by every message of the session'],
    [FAILURES, 'says how long to wait when Genesys says so'],
    [FAILURES, 'keeps to five messages a second without losing one, in order'],
  ],
  '5000': [message(5000), [ERRORS, AGAIN, '[400, 404, 408, 500, 503, 5000]']],
  '400': [message(400), [FAILURES, 'a request that was not understood']],
  '401': [
    message(401),
    [SIGN_IN, 'is given another token when the first has ended (401), and goes on'],
    [SIGN_IN, 'is tried three times at most while it is not taken'],
  ],
  '403 to a sign-in': [
    [SIGN_IN, 'is authorised again on another socket when the session has lapsed'],
    [SIGN_IN, 'Session authentication failed, sign in', 'Try to authenticate again'],
  ],
  '403 to a `Clear`': [
    [CHANNEL, 'says so when the deployment does not let guests end conversations'],
    ['test/closing.e2e-spec.ts', 'a caller closes it, where guests may not clear'],
  ],
  '403 to typing': [[FAILURES, 'says no more of typing once the deployment has refused it, and messages go on']],
  '404, 408, 5xx': [message(404, 408, 500, 503), [ERRORS, AGAIN, '[400, 404, 408, 500, 503, 5000]']],
  '409': [message(409), [READ_ONLY, 'is followed by another one when the guest writes']],
};

/** Where our adapter meets what the sandbox imitates, row by row of `docs/sandbox.md`. */
const SANDBOX_ROWS: Readonly<Record<string, readonly Proof[]>> = {
  '1': [
    [CALLS, 'log in once for all, however many begin at the same time'],
    [CALLS, 'go on when the access token ends in the middle, with one new login for all of them'],
    [CALLS, 'renew the token ahead, before any call is refused for it'],
  ],
  '2': [
    [CALLS, 'wait as long as a 429 says, and with them every other call'],
    [CALLS, 'carry a correlation id of their own'],
    ['src/adapters/genesys/secrets.spec.ts', 'holds no token and no secret when the connection breaks'],
  ],
  '3': [
    [CONVERSATIONS, 'finds the conversation of a message, once Genesys knows the message'],
    [CALLS, 'say which way a permission is missing: ours, not the guest’s'],
  ],
  '4': [
    [CHANNEL, 'begins no conversation before the first text when the deployment does not'],
    [SURROUNDINGS, 'goes on in %s conversation after an agent ended it, as messages thread'],
  ],
  '5': [
    [CONVERSATIONS, 'ends a conversation for everybody; one that has ended, or is gone, stays so without complaint'],
    [CONVERSATIONS, 'sets participant data by name and leaves the rest; doing it again changes nothing'],
    [CALLS, 'repeat what names the state it wants: attributes arrive though the first answer was lost'],
    ['src/adapters/genesys/platform-marks.spec.ts', 'tags a conversation, twice with the same result'],
  ],
  '6': [
    [FAILURES, 'is refused for good from an origin the deployment does not allow'],
    [CHANNEL, 'sends a text and says by which key it is known from then on'],
    [FAILURES, 'puts a burst that comes in disorder back in order'],
  ],
  '7': [
    [FAILURES, 'is over when Genesys has forgotten it: no second conversation is begun for somebody who is gone'],
    [ERRORS, 'is found to be over by our own clock, without anybody sending anything'],
    [READ_ONLY, 'is followed by another one also when its end was missed, in another process too'],
  ],
  '8': [
    [FAILURES, 'keeps to five messages a second without losing one, in order'],
    [FAILURES, 'lets go when others have taken it over, and does not fight for it'],
    [FAILURES, 'never sends attributes that are too long'],
    ['src/adapters/genesys/session-expiry.spec.ts', 'is asked about when it is due'],
  ],
  '9': [
    [CHANNEL, 'ends the conversation as the guest would, and says that the session is over'],
    [ERRORS, 'is cleared here too, and not taken for one that somebody else has'],
    [CHANNEL, 'hears when the other side ends the conversation; the guest may go on in another'],
    [READ_ONLY, 'is followed by another one when the guest writes'],
  ],
  '10': [
    [SURROUNDINGS, 'comes back on its own token after close code %s'],
    [CHANNEL, 'does not say a text twice whose acknowledgement was lost'],
    [FAILURES, 'hears a frame that comes twice once'],
    [SURROUNDINGS, 'hears what goes to every connection of the guest once'],
  ],
  '11': [
    [CHANNEL, 'finds the same session again after its socket broke, and what was said meanwhile, once'],
    [FAILURES, 'reads a history of several pages'],
  ],
  '12': [
    [NOTIFICATIONS, 'leaves out topics that are rejected, and listens to the others'],
    [NOTIFICATIONS, 'does not take quiet for death where pings are answered'],
    [NOTIFICATIONS, 'moves to another socket before an announced close, and misses nothing'],
    [NOTIFICATIONS, 'counts what could not be taken as missed'],
  ],
  '13': [
    [FAILURES, 'begins its conversation later when the configuration cannot be read'],
    [FAILURES, 'begins with the first text when the configuration is not published'],
    [CHANNEL, 'knows what files are taken, soon after it was asked first'],
  ],
  '14': [
    [CHANNEL, 'brings files, however often they are tried, and sends them with a text and without'],
    [CHANNEL, 'is refused files that are not taken, and messages whose files are not there'],
  ],
  '15': [
    [CHANNEL, 'hears of the files of an agent, live and in the history, and reads them from where they are said to be'],
    [CHANNEL, 'finds a file again when its address has run out, of either side, and not one that was never there'],
  ],
  '16': [[SIGN_IN, 'is known by what the code was exchanged for, on every socket']],
  '17': [
    [ERASURE, 'erases a contact and says when it is done'],
    [ERASURE, 'finds the request again that was made when no answer came, and makes no other'],
    [ERASURE, 'asks anew when the request ended in an error, and says that it failed'],
  ],
  '18': [[GDPR, 'have a contact to name: one for each customer of a journey']],
};

describe.each([
  ['docs/guest-socket.md', 'Errors', ERROR_ROWS],
  ['docs/sandbox.md', 'What it imitates', SANDBOX_ROWS],
] as const)('%s, "%s"', (document, heading, shown) => {
  it('has a test for each row, and nothing is tested that it does not tell', () => {
    expect(rows(document, heading).sort()).toEqual(Object.keys(shown).sort());
  });

  it.each(Object.entries(shown))('%s is shown by a test that is there', (_, proofs) => {
    for (const [where, ...says] of proofs) {
      const source = read(where);
      for (const each of says) expect({ where, each, has: source.includes(each) }).toMatchObject({ has: true });
    }
  });
});

it('codes of the mobile client alone are known nowhere: they are never on the wire', () => {
  const source = ['genesys-errors.ts', 'frames.ts'].map((name) => read(`src/adapters/genesys/${name}`)).join('\n');
  expect(source).not.toMatch(/\b(1001|1002|-1009|60[0-2]\d)\b/);
});
