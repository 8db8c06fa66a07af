import { randomUUID } from 'node:crypto';
import { HandClock } from '../../../test/storage/test-storage.js';
import { SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { settingsOf } from './genesys-lab.contract.js';
import { OptionalCalls } from './optional-calls.js';
import { openPlatform } from './platform.js';
import { PlatformMarks } from './platform-marks.js';

type Marked = { externalTag: string | null; contactId: string | null };

const SOURCE = '5a4d0b0c-0000-4000-8000-00000000e001';

describe('PlatformMarks', () => {
  let lab: Lab;
  let marks: PlatformMarks;
  const clock = new HandClock();
  beforeAll(async () => void (lab = await Lab.open({ lookupDelayMs: 0 })));
  beforeEach(() => {
    const { client } = openPlatform(settingsOf(lab), new LoneGate(new SystemClock()));
    marks = new PlatformMarks(client, new OptionalCalls(clock), SOURCE);
  });
  afterEach(async () => {
    await lab.http('DELETE', '/sandbox/faults');
    lab.sandbox.reset();
  });
  afterAll(() => lab.close());

  const begun = async (): Promise<string> => {
    await (await lab.configured()).say('hello');
    return (await lab.conversations()).at(-1)!.id;
  };
  const marked = async (id: string): Promise<Marked> => {
    const { externalTag = null, participants } = (
      await lab.api<{ externalTag?: string; participants: { purpose: string; externalContactId?: string }[] }>(
        'GET',
        `/conversations/${id}`,
      )
    ).body;
    const guest = participants.find(({ purpose }) => purpose === 'customer');
    return { externalTag, contactId: guest?.externalContactId ?? null };
  };
  /** Kept as our CRM adapter keeps it. */
  const contactOf = async (guestId: string): Promise<string> => {
    const operation = {
      matchingIdentifiers: [{ type: 'ExternalId', value: guestId, externalSource: { id: SOURCE } }],
      action: 'Upsert',
      contact: { schema: { id: '5a4d0b0c-0000-4000-8000-00000000e002', version: 3 }, customFields: {} },
    };
    const path = '/externalcontacts/bulk/contacts/enrich';
    const { body } = await lab.api<{ results: { entity: { id: string } }[] }>('POST', path, { entities: [operation] });
    return body.results[0]!.entity.id;
  };
  const callsTo = async (path: string): Promise<number> =>
    (await lab.requests()).filter((each) => each.path.includes(path)).length;

  it('tags a conversation, twice with the same result; one that is gone is left alone', async () => {
    const [id, guestId] = [await begun(), randomUUID()];
    await marks.tag(id, guestId);
    await marks.tag(id, guestId);
    expect((await marked(id)).externalTag).toBe(guestId);
    await marks.tag(randomUUID(), guestId);
  });

  it('puts a conversation with the contact that is kept under the guest’s id, once there is one', async () => {
    const [id, guestId] = [await begun(), randomUUID()];
    expect(await marks.associate(id, guestId)).toBe(false);
    const contactId = await contactOf(guestId);
    for (let times = 0; times < 2; times++) expect(await marks.associate(id, guestId)).toBe(true);
    expect((await marked(id)).contactId).toBe(contactId);
    expect(await marks.associate(randomUUID(), guestId)).toBe(true);
  });

  it('leaves alone for an hour what is not permitted, and says what that is', async () => {
    const [id, guestId] = [await begun(), randomUUID()];
    await contactOf(guestId);
    await lab.fault('genesys', '/tags', { permission: false }, 1);
    await lab.fault('genesys', '/identifierlookup/', { permission: false }, 1);
    for (let times = 0; times < 2; times++) {
      await marks.tag(id, guestId);
      // Nobody waits for what is not permitted.
      expect(await marks.associate(id, guestId)).toBe(true);
    }
    expect(await marked(id)).toMatchObject({ externalTag: null, contactId: null });
    expect([await callsTo('/tags'), await callsTo('/identifierlookup/')]).toEqual([1, 1]);
    expect(marks.notPermitted()).toEqual(['external tags', 'contact association']);
    clock.advance(60 * 60_000);
    await marks.tag(id, guestId);
    await marks.associate(id, guestId);
    expect(await marked(id)).toMatchObject({ externalTag: guestId, contactId: expect.any(String) as string });
    expect(marks.notPermitted()).toEqual([]);
  });

  it('lets nothing leave that may not any more when it is its turn, and goes no further', async () => {
    const [id, guestId] = [await begun(), randomUUID()];
    await contactOf(guestId);
    const never = async (): Promise<boolean> => false;
    await expect(marks.tag(id, guestId, never)).rejects.toMatchObject({ code: 'consent.required' });
    await expect(marks.associate(id, guestId, never)).rejects.toMatchObject({ code: 'consent.required' });
    let calls = 0;
    const once = async (): Promise<boolean> => ++calls === 1;
    await expect(marks.associate(id, guestId, once)).rejects.toMatchObject({ code: 'consent.required' });
    expect(await marked(id)).toEqual({ externalTag: null, contactId: null });
    expect([await callsTo('/tags'), await callsTo('/identifierlookup/')]).toEqual([0, 1]);
    expect(marks.notPermitted()).toEqual([]);
  });

  it('fails as other calls do when Genesys is away', async () => {
    const id = await begun();
    await lab.fault('genesys', '/tags', { status: 400 }, 1);
    await expect(marks.tag(id, randomUUID())).rejects.toMatchObject({ code: 'genesys.bad_request' });
    expect(marks.notPermitted()).toEqual([]);
  });
});
