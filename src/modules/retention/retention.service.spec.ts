import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import type { GuestServices } from '../../../test/builders/guest-services.js';
import { trailOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { IdempotencyRetention } from '../../http/idempotency.retention.js';
import { DataClasses } from '../../kernel/data-class.js';
import { withRunContext } from '../../kernel/run-context.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { checkChain } from '../audit/index.js';
import { originsOf } from '../audit/audit.js';
import type { Subject } from '../audit/index.js';
import { OriginRetention } from '../audit/origin-retention.service.js';
import type { Attachment } from '../guest/attachment.js';
import { GuestRetention } from '../guest/guest-retention.service.js';
import { GUEST_TOPICS } from '../guest/guest.intents.js';
import { closed } from '../guest/guest.js';
import type { Guest } from '../guest/guest.js';
import { DeliveryRetention } from '../webhooks/delivery-retention.service.js';
import { RetentionService } from './retention.service.js';

Logger.overrideLogger(false);

const DAY = 24 * 3_600_000;
const CRM = 'acme';
const DAYS = {
  'message-texts': 30,
  attachments: 30,
  guests: 365,
  origins: 90,
  'idempotency-answers': 1,
  'webhook-deliveries': 30,
  'widget-tokens': 1,
};

describe('retention', () => {
  let storage: TestStorage;
  let audit: GuestServices['audit'];
  let guests: GuestServices['guests'];
  let messages: GuestServices['messages'];
  let metrics: GuestServices['metrics'];
  let changes: GuestServices['changes'];
  let retention: RetentionService;
  let classes: DataClasses;

  beforeEach(async () => {
    storage = await openTestStorage();
    const { work, clock, vault } = storage;
    const crm = { id: CRM, chunkSize: 10, upsert: async () => [], ping: async () => undefined };
    const services = guestServices(storage, { crms: [crm] });
    ({ audit, guests, messages, metrics, changes } = services);
    classes = new DataClasses();
    new GuestRetention(
      ...([classes, storage.guests, storage.messages, storage.widgetTokens, storage.attachments] as const),
      ...([services.crmSync, audit, services.removal] as const),
    ).onModuleInit();
    new OriginRetention(vault, classes).onModuleInit();
    new IdempotencyRetention(storage.idempotency, classes).onModuleInit();
    new DeliveryRetention(storage.webhooks, classes).onModuleInit();
    retention = new RetentionService(classes, audit, work, clock, { days: DAYS });
    retention.onApplicationBootstrap();
  }, 60_000);
  afterEach(() => storage.close());

  const pass = (days: number): void => storage.clock.advance(days * DAY);
  /** As a caller makes one, from somewhere. */
  const aGuest = (): Promise<Guest> =>
    withRunContext({ id: 'r', actor: 'web', ipAddress: '192.0.2.7', userAgent: 'Browser/1' }, () =>
      guests.create(wantedGuest({ email: 'someone@example.com' })),
    );
  const end = ({ id }: Guest): Promise<Guest> =>
    changes.change(
      id,
      (known) => closed(known, 'api', storage.clock.now()),
      () => ({ event: 'GUEST_CLOSED', changes: {} }),
    );
  const deliver = async (): Promise<void> => {
    for (const chunk of await storage.crm.claim(CRM, { chunks: 1, size: 100, leaseMs: 1_000 }))
      await storage.crm.settle(
        CRM,
        chunk,
        chunk.records.map((record) => ({ record, status: 'delivered' })),
      );
  };
  const said = async (guest: Guest): Promise<string> => {
    const { id } = await messages.send(guest.id, 'a secret');
    await storage.messages.accepted(guest.id, id, `k-${id}`);
    return id;
  };
  /** An event in the log of an endpoint. */
  const delivered = async (at: Date): Promise<{ endpointId: string }> => {
    const endpoint = {
      ...{ id: uuidv7(), url: 'https://example.com/', events: ['guest.created' as const], description: null },
      ...{ disabled: null, failingSince: null, sealedSecret: 'sealed', previousSecret: null },
      ...{ createdDate: at, modifiedDate: at },
    };
    await storage.webhooks.add(endpoint);
    const event = { type: 'guest.created' as const, subject: 'guest:g', at, data: {} };
    await storage.webhooks.put({ id: uuidv7(), endpointId: endpoint.id, event }, at);
    return { endpointId: endpoint.id };
  };
  const tokenUntil = (guestId: string, expiresAt: Date): Promise<void> =>
    storage.widgetTokens.add({
      id: uuidv7(),
      digest: randomBytes(32).toString('hex'),
      guestId,
      origins: [],
      expiresAt,
    });
  const chain = async (subject: Subject) => (await storage.audit.list({ subject, limit: 500 })).items;
  const sweeps = async () =>
    (await trailOf(storage, 'system:retention')).map(({ event, changes: swept }) => [
      event,
      ...[swept['dataClass'], swept['gone'], swept['kept']],
    ]);
  const rowsOf = async (id: string): Promise<Record<string, number>> => {
    const tables = {
      guest: 'id::text',
      session: 'guest_id::text',
      message: 'guest_id::text',
      metric_event: 'guest_id::text',
      crm_record: 'guest_id::text',
      outbox: 'subject',
    };
    const counts: [string, number][] = [];
    for (const [table, column] of Object.entries(tables)) {
      const text = `select count(*) as count from ${table} where ${column} = $1`;
      const { rows } = await storage.database.query<{ count: number }>({ name: '', text }, [id]);
      counts.push([table, rows[0]!.count]);
    }
    return Object.fromEntries(counts);
  };

  it('forgets what was said when it is old enough, of open guests too, and keeps that it was said', async () => {
    const guest = await aGuest();
    await said(guest);
    await messages.send(guest.id, 'not sent yet');
    pass(10);
    await said(guest);
    pass(20);
    await retention.sweep();
    expect(await sweeps()).toEqual([]);
    pass(1);
    await retention.sweep();
    const { items } = await messages.list(guest.id, undefined, 10);
    expect(items.map(({ status, text }) => [status, text])).toEqual([
      ['sent', null],
      ['queued', 'not sent yet'],
      ['sent', 'a secret'],
    ]);
    expect(await sweeps()).toEqual([['RETENTION_SWEPT', 'message-texts', 1, 0]]);
    expect((await guests.get(guest.id)).version).toBe(1);
  });

  it('forgets a guest with all that hangs on it; its chain stays whole, says so, and cannot be read where it is sealed', async () => {
    const [old, young] = [await aGuest(), await aGuest()];
    await said(old);
    await end(old);
    pass(1);
    await end(young);
    await deliver();
    for (const topic of GUEST_TOPICS) {
      await storage.outbox.put({ topic, subject: old.id });
      for (const intent of await storage.outbox.claim(topic, 100, 1_000)) await storage.outbox.park(intent, 'refused');
    }
    pass(365);
    await retention.sweep();
    expect((await guests.get(young.id)).state).toBe('closed');
    expect(await sweeps()).toContainEqual(['RETENTION_SWEPT', 'guests', 1, 0]);
    expect(await rowsOf(old.id)).toEqual({
      guest: 0,
      session: 0,
      message: 0,
      metric_event: 0,
      crm_record: 0,
      outbox: 0,
    });
    expect(await metrics.current(old.id)).toBeNull();
    await expect(guests.get(old.id)).rejects.toMatchObject({ code: 'guest.not_found' });
    const entries = await chain(`guest:${old.id}`);
    expect(checkChain(`guest:${old.id}`, entries)).toMatchObject({ ok: true });
    expect(entries.map(({ body }) => (JSON.parse(body) as { event: string }).event)).toEqual([
      'GUEST_CREATED',
      'MESSAGE_SENT',
      'GUEST_CLOSED',
      'GUEST_FORGOTTEN',
    ]);
    expect(entries[0]!.sealed).not.toBeNull();
    expect(await storage.vault.open(`guest:${old.id}`, 'audit', entries[0]!.sealed!)).toBeNull();
    const [first] = await chain(`guest:${young.id}`);
    expect(await storage.vault.open(`guest:${young.id}`, 'audit', first!.sealed!)).toContain('192.0.2.7');
  });

  it('lets open guests be, however old, and those that a CRM has still to hear of or a message still to be sent for', async () => {
    const [open, unsent, unheard] = [await aGuest(), await aGuest(), await aGuest()];
    await messages.send(unsent.id, 'on its way');
    await end(unsent);
    await deliver();
    pass(1);
    await end(unheard);
    pass(400);
    await retention.sweep();
    expect((await guests.get(open.id)).state).toBe('created');
    expect((await guests.get(unsent.id)).state).toBe('closed');
    expect((await guests.get(unheard.id)).state).toBe('closed');
    // Once they are in nobody's way they go; asked about once a day, they hold up nobody else.
    await deliver();
    for (const { id } of await storage.messages.queued(unsent.id)) await storage.messages.failed(unsent.id, id);
    pass(1.1);
    await retention.sweep();
    await expect(guests.get(unsent.id)).rejects.toMatchObject({ code: 'guest.not_found' });
    await expect(guests.get(unheard.id)).rejects.toMatchObject({ code: 'guest.not_found' });
    expect((await guests.get(open.id)).state).toBe('created');
  });

  it('goes past those in use, and takes all that are old enough, in batches each with its entry', async () => {
    const made = await Promise.all(Array.from({ length: 130 }, () => aGuest()));
    const inUse = made.slice(0, 60);
    for (const { id } of inUse) await messages.send(id, 'on its way');
    for (const guest of made) await end(guest);
    await deliver();
    await deliver();
    pass(366);
    await retention.sweep();
    const swept = (await sweeps()).filter(([, dataClass]) => dataClass === 'guests');
    expect(swept.length).toBeGreaterThan(1);
    expect(swept.reduce((sum, [, , gone]) => sum + (gone as number), 0)).toBe(70);
    expect((await storage.guests.list({ limit: 500 })).items).toHaveLength(60);
  }, 60_000);

  it('destroys from where the trail of the service was read by the month, and changes no entry', async () => {
    const read = () =>
      withRunContext({ id: 'r', actor: 'ops', ipAddress: '192.0.2.9' }, () => audit.read({ limit: 1 }));
    const november = originsOf(storage.clock.now());
    await read();
    pass(30);
    const december = originsOf(storage.clock.now());
    await read();
    expect(november).not.toBe(december);
    // 22 November and 90 days are over in February, all of November and 90 days on 1 March.
    pass(65);
    await retention.sweep();
    const [first, second] = await chain('system:audit');
    expect(await storage.vault.open(november, 'audit', first!.sealed!)).toContain('192.0.2.9');
    pass(4);
    await retention.sweep();
    const after = await chain('system:audit');
    expect(after).toEqual([first, second]);
    expect(checkChain('system:audit', after)).toMatchObject({ ok: true });
    expect(await storage.vault.open(november, 'audit', first!.sealed!)).toBeNull();
    expect(await storage.vault.open(december, 'audit', second!.sealed!)).toContain('192.0.2.9');
    expect(await sweeps()).toEqual([['RETENTION_SWEPT', 'origins', 1, 0]]);
  });

  it('forgets where the files of old messages can be had', async () => {
    const { id: guestId } = await aGuest();
    const file: Attachment = {
      ...{
        id: uuidv7(),
        guestId,
        messageId: uuidv7(),
        status: 'received',
        size: 3,
        code: null,
        at: storage.clock.now(),
      },
      ...{ sealedAbout: 'v1.about', sealedSource: 'v1.source' },
    };
    await storage.attachments.add(file, null);
    pass(29);
    await retention.sweep();
    expect(await storage.attachments.find(guestId, file.id)).toEqual(file);
    pass(2);
    expect((await retention.preview()).previews.find(({ name }) => name === 'attachments')).toMatchObject({
      dueNow: 1,
    });
    await retention.sweep();
    const gone = { ...file, sealedSource: null, status: 'expired', code: 'attachment.kept_too_long' };
    expect(await storage.attachments.find(guestId, file.id)).toEqual(gone);
  });

  it('says beforehand what will go, now and within a week, and does just that', async () => {
    const created = storage.clock.now();
    const guest = await aGuest();
    await said(guest);
    pass(4);
    await said(guest);
    await end(guest);
    await deliver();
    const record = { scope: 'ab'.repeat(32), subject: 'system:idempotency', answer: 'v1.x', createdAt: created };
    await storage.idempotency.add(record);
    const delivery = await delivered(created);
    await tokenUntil(guest.id, created);
    pass(26);
    const shown = async () =>
      Object.fromEntries(
        (await retention.preview()).previews.map(({ name, days, dueNow, dueSoon, oldest }) => [
          name,
          [days, dueNow, dueSoon, oldest],
        ]),
      );
    expect(await shown()).toEqual({
      'message-texts': [30, 0, 2, created],
      attachments: [30, 0, 0, null],
      guests: [365, 0, 0, new Date(created.getTime() + 4 * DAY)],
      origins: [90, 0, 0, null],
      'idempotency-answers': [1, 1, 0, created],
      'webhook-deliveries': [30, 0, 1, created],
      'widget-tokens': [1, 1, 0, created],
    });
    pass(1);
    expect(await shown()).toMatchObject({
      'message-texts': [30, 1, 1, created],
      'webhook-deliveries': [30, 1, 0, created],
    });
    await retention.sweep();
    expect(await shown()).toMatchObject({
      'message-texts': [30, 0, 1, new Date(created.getTime() + 4 * DAY)],
      'idempotency-answers': [1, 0, 0, null],
      'webhook-deliveries': [30, 0, 0, null],
      'widget-tokens': [1, 0, 0, null],
    });
    expect((await storage.webhooks.deliveries({ endpointId: delivery.endpointId, limit: 10 })).items).toEqual([]);
    expect((await sweeps()).map(([, dataClass, gone]) => [dataClass, gone])).toEqual([
      ['message-texts', 1],
      ['widget-tokens', 1],
      ['idempotency-answers', 1],
      ['webhook-deliveries', 1],
    ]);
  });

  it('starts with neither data that has no rule nor a rule that has no data', () => {
    const start = (days: Record<string, number>) =>
      new RetentionService(classes, audit, storage.work, storage.clock, { days }).onApplicationBootstrap();
    const { origins: _, ...fewer } = DAYS;
    expect(() => start(fewer)).toThrow('no days for [origins]');
    expect(() => start({ ...DAYS, phantoms: 1 })).toThrow('no data for [phantoms]');
  });

  it('stops between two batches when the process leaves', async () => {
    await said(await aGuest());
    pass(31);
    await retention.sweep(AbortSignal.abort());
    expect(await sweeps()).toEqual([]);
  });
});
