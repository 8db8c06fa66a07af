import { randomUUID } from 'node:crypto';
import { Lab, someText, wait, type TestGuest } from '../../lab.contract.js';

const GDPR_MS = 400;

describe('GDPR requests', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open({ gdprMs: GDPR_MS, lookupDelayMs: 0 })));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  type Request = { readonly id: string; readonly status: string };
  type Participant = {
    readonly purpose: string;
    readonly attributes: object;
    readonly externalContact?: { readonly id: string };
  };

  const post = (body: unknown, query = '?deleteConfirmed=true') =>
    lab.api<Request>('POST', `/gdpr/requests${query}`, body);
  const erase = (externalContactId: string) => post({ requestType: 'GDPR_DELETE', subject: { externalContactId } });
  const status = async (id: string) => (await lab.api<Request>('GET', `/gdpr/requests/${id}`)).body.status;
  const organization = (settings: object) => lab.http('PATCH', '/sandbox/genesys/organization', settings);
  const participants = async (id: string) =>
    (await lab.api<{ participants: Participant[] }>('GET', `/conversations/messages/${id}`)).body.participants;
  const contactOf = async (id: string) =>
    (await participants(id)).find(({ purpose }) => purpose === 'customer')?.externalContact?.id;

  /** A guest with a journey who has written, and the conversation. */
  async function begun(customerId: string = randomUUID()) {
    const guest = await lab.guest();
    await guest.configure({ journeyContext: { customer: { id: customerId, idType: 'cookie' } } });
    const { body } = await guest.say('My name is Ada', { source: 'website' });
    await guest.heard((frame) => frame.body.direction === 'Outbound');
    const conversation = (await lab.conversations()).at(-1)!;
    return {
      guest,
      messageId: body.id,
      conversationId: conversation.id,
      contactId: (await contactOf(conversation.id))!,
    };
  }

  async function historyOf(guest: TestGuest): Promise<string> {
    const { jwt } = (await guest.ask('getJwt')).body;
    const headers = { authorization: `Bearer ${jwt}` };
    return JSON.stringify((await lab.http('GET', '/api/v2/webmessaging/messages', undefined, headers)).body);
  }

  it('go from step to step, and are listed with all there is to a page', async () => {
    const subject = { externalContactId: randomUUID() };
    await organization({ gdprMs: 900 });
    const { status: answered, body } = await post({ requestType: 'GDPR_DELETE', subject });
    expect([answered, body]).toMatchObject([
      200,
      {
        ...{ requestType: 'GDPR_DELETE', subject, status: 'INITIATED', createdDate: someText },
        createdBy: { id: lab.sandbox.connection.genesys.clientId },
        selfUri: `/api/v2/gdpr/requests/${body.id}`,
      },
    ]);
    const seen: string[] = [];
    while (seen.at(-1) !== 'COMPLETED') seen.push(await status(body.id));
    expect([...new Set(seen)]).toEqual(['INITIATED', 'SEARCHING', 'DELETING', 'COMPLETED']);

    for (let more = 0; more < 2; more += 1) await erase(randomUUID());
    const page = async (query: string) =>
      (await lab.api<{ entities: Request[] }>('GET', `/gdpr/requests${query}`)).body;
    expect(await page('')).toMatchObject({ pageSize: 25, pageNumber: 1, total: 3, pageCount: 1 });
    const uri = (number: number) => `/api/v2/gdpr/requests?pageSize=1&pageNumber=${number}`;
    expect(await page('?pageSize=1&pageNumber=2')).toMatchObject({
      ...{ pageSize: 1, pageNumber: 2, total: 3, pageCount: 3 },
      ...{ firstUri: uri(1), previousUri: uri(1), selfUri: uri(2), nextUri: uri(3), lastUri: uri(3) },
    });
    expect((await page('?pageSize=1')).entities).toMatchObject([{ id: body.id, status: 'COMPLETED' }]);
    expect((await page('?pageNumber=2')).entities).toEqual([]);
    for (const query of ['?pageSize=0', '?pageSize=101', '?pageNumber=x'])
      expect((await lab.api('GET', `/gdpr/requests${query}`)).status).toBe(400);
    expect(await lab.api('GET', '/gdpr/requests/unknown')).toMatchObject({ status: 404, body: { code: 'not.found' } });
  });

  it('are refused when nobody confirmed, or it is not said what is to become of whom', async () => {
    const good = { requestType: 'GDPR_DELETE', subject: { externalContactId: randomUUID() } };
    const bad: [unknown, string?][] = [
      [good, ''],
      [good, '?deleteConfirmed=false'],
      [{ ...good, requestType: 'GDPR_FORGET' }],
      [{ subject: good.subject }],
      [{ requestType: 'GDPR_DELETE' }],
      [{ ...good, subject: {} }],
      [{ ...good, requestType: 'GDPR_EXPORT' }],
      [{ ...good, subject: { emailAddresses: ['ada@example.com'] } }],
      [null],
    ];
    for (const [body, query] of bad)
      expect(await post(body, query)).toMatchObject({ status: 400, body: { status: 400 } });
    expect((await lab.api<{ total: number }>('GET', '/gdpr/requests')).body.total).toBe(0);
    expect((await lab.http('GET', '/api/v2/gdpr/requests')).status).toBe(401);
    await lab.fault('genesys', '/gdpr/requests', { permission: false });
    expect(await post(good)).toMatchObject({ status: 403, body: { code: 'missing.any.permissions' } });
  });

  it('leave of a conversation that there was one, and nothing of what was said, sent or known of the guest', async () => {
    const { guest, messageId, conversationId, contactId } = await begun();
    const other = await begun();
    const files = [{ fileName: 'a.txt', fileType: 'text/plain', base64: 'QQ==' }];
    await lab.http('POST', `/sandbox/genesys/conversations/${conversationId}/messages`, { text: 'Hello Ada', files });
    const before = await historyOf(guest);
    const address = /http:[^"]*downloads[^"]*/.exec(before)![0];
    expect((await fetch(address)).status).toBe(200);

    const { id } = (await erase(contactId)).body;
    expect(await historyOf(guest)).toBe(before);
    await wait(GDPR_MS + 50);
    expect(await status(id)).toBe('COMPLETED');
    const seen = (await lab.conversations()).find((each) => each.id === conversationId)!;
    expect(seen.participants.flatMap(({ messages }) => messages).map(({ text, files: sent }) => [text, sent])).toEqual(
      seen.participants.flatMap(({ messages }) => messages).map(() => ['', undefined]),
    );
    expect(seen.participants[0]).toMatchObject({ purpose: 'customer', attributes: {}, messages: [{ id: messageId }] });
    expect(await contactOf(conversationId)).toBeUndefined();
    const details = await lab.api('GET', `/conversations/messages/${messageId}/details`);
    expect(details).toMatchObject({ status: 200, body: { conversationId } });
    for (const text of [JSON.stringify(details.body), await historyOf(guest)]) expect(text).not.toMatch(/Ada|website/);
    expect((await fetch(address)).status).toBe(403);
    expect((await lab.conversations()).find((each) => each.id === other.conversationId)?.participants[0]).toMatchObject(
      {
        attributes: { source: 'website' },
        messages: [{ text: 'My name is Ada' }],
      },
    );
  });

  it('remove the contact that was kept of somebody', async () => {
    const { sourceId, schemaId } = lab.sandbox.connection.crms['genesys-contacts']!;
    const operation = {
      matchingIdentifiers: [{ type: 'ExternalId', value: 'g-1', externalSource: { id: sourceId } }],
      ...{ action: 'Upsert', contact: { schema: { id: schemaId, version: 3 }, customFields: {} } },
    };
    const enriched = await lab.api<{ results: { entity: { id: string } }[] }>(
      'POST',
      '/externalcontacts/bulk/contacts/enrich',
      { entities: [operation] },
    );
    const held = async () => (await lab.http('GET', '/sandbox/crm/genesys-contacts/records')).body;
    expect(await held()).toHaveLength(1);
    await erase(enriched.body.results[0]!.entity.id);
    await wait(GDPR_MS + 50);
    expect(await held()).toEqual([]);
  });

  it('may end in an error, and then everything is still there', async () => {
    const { conversationId, contactId } = await begun();
    await organization({ gdprOutcome: 'ERROR', gdprMs: 0 });
    const { id } = (await erase(contactId)).body;
    await wait(50);
    expect(await status(id)).toBe('ERROR');
    expect(await contactOf(conversationId)).toBe(contactId);
    expect((await lab.conversations())[0]?.participants[0]).toMatchObject({ messages: [{ text: 'My name is Ada' }] });
    expect((await organization({ gdprOutcome: 'MAYBE' })).status).toBe(400);
  });

  it('are on record in the audit', async () => {
    const { id } = (await erase(randomUUID())).body;
    const [from, until] = [Date.now() - 60_000, Date.now() + 60_000].map((at) => new Date(at).toISOString());
    const query = await lab.api<{ id: string }>('POST', '/audits/query', {
      ...{ interval: `${from}/${until}`, serviceName: 'GDPR' },
    });
    await wait(350);
    expect((await lab.api('GET', `/audits/query/${query.body.id}/results`)).body).toMatchObject({
      entities: [{ action: 'Create', entityType: 'GdprRequest', entity: { id } }],
    });
  });

  it('have a contact to name: one for each customer of a journey, another once that is erased, and none where identities are not resolved', async () => {
    const customerId = randomUUID();
    const first = await begun(customerId);
    const second = await begun(customerId);
    expect([second.contactId, (await begun()).contactId === first.contactId]).toEqual([first.contactId, false]);
    await erase(first.contactId);
    await wait(GDPR_MS + 50);
    expect((await begun(customerId)).contactId).not.toBe(first.contactId);
    await lab.http('PATCH', '/sandbox/genesys/deployment', { resolveIdentities: false });
    expect((await begun()).contactId).toBeUndefined();
    await lab.http('PATCH', '/sandbox/genesys/deployment', { resolveIdentities: true });
    await (await lab.configured()).say('Nobody’s journey');
    expect(await contactOf((await lab.conversations()).at(-1)!.id)).toBeUndefined();
  });
});
