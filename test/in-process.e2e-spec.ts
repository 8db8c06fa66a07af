import { rmSync } from 'node:fs';
import { Body, Controller, Inject, Injectable, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ScheduleModule } from '@nestjs/schedule';
import {
  Clock,
  ConsentSource,
  GuestManager,
  GuestManagerError,
  GuestManagerModule,
  portProvider,
} from '../src/index.js';
import type { GuestManagerOptions } from '../src/index.js';
import { startSandbox } from '../src/sandbox/sandbox.js';
import type { Sandbox } from '../src/sandbox/sandbox.js';
import { newDataDir } from './storage/test-storage.js';
import { Client, conversationOf, until } from './support/client.js';
import { freePort } from './support/process.js';

const TOKEN = 'a-key-that-is-long-enough-for-tests';
const STRANGER = '01890a5d-ac96-774b-bcce-b302099a8057';
const wanted = { consent: { marketing: false, dataProcessing: true }, attributes: { source: 'website' } };

/** An application of somebody else, with a route, a schedule and settings of its own. */
@Controller('orders')
class OrderController {
  constructor(private readonly guests: GuestManager) {}

  @Post()
  async order(@Body() { email }: { email: string }): Promise<{ guest: string }> {
    return { guest: (await this.guests.createGuest({ ...wanted, email })).id };
  }
}

@Injectable()
class OwnSettings {
  constructor(@Inject('DATA_DIR') private readonly dataDir: string) {}

  options(): GuestManagerOptions {
    const env = { NODE_ENV: 'test', DATA_DIR: this.dataDir, PORT: `${port}`, API_KEYS: `tests:${TOKEN}:*` };
    return { env: { ...env, ...sandbox.environment }, listen: true };
  }
}

let sandbox: Sandbox;
let dataDir: string;
let port: number;
let app: NestFastifyApplication;
let guests: GuestManager;
let shop: Client;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  dataDir = await newDataDir();
  port = await freePort();
  @Module({ providers: [OwnSettings, { provide: 'DATA_DIR', useValue: dataDir }], exports: [OwnSettings] })
  class SettingsModule {}
  @Module({
    imports: [
      ScheduleModule.forRoot(),
      GuestManagerModule.forRootAsync({
        imports: [SettingsModule],
        inject: [OwnSettings],
        useFactory: (settings: OwnSettings) => settings.options(),
      }),
    ],
    controllers: [OrderController],
  })
  class ShopModule {}
  app = await NestFactory.create<NestFastifyApplication>(ShopModule, new FastifyAdapter(), {
    logger: false,
    abortOnError: false,
  });
  await app.listen(0, '127.0.0.1');
  guests = app.get(GuestManager);
  shop = new Client(await app.getUrl());
}, 60_000);
afterAll(async () => {
  await app?.close();
  await sandbox?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function failureOf(call: Promise<unknown>): Promise<GuestManagerError> {
  const failure: unknown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(GuestManagerError);
  return failure as GuestManagerError;
}

describe('the guest manager inside another application', () => {
  it('serves its routes without asking them for keys of ours, and carries their guests to Genesys', async () => {
    const { status, body } = await shop.post<{ guest: string }>('/orders', { email: 'user@example.com' });
    expect(status).toBe(201);
    const conversation = await conversationOf(new Client(`${sandbox.url}/sandbox`), body.guest);
    expect(conversation.state).not.toBe('disconnected');
    const guest = await until(
      () => guests.getGuest(body.guest),
      ({ genesys }) => genesys.linked,
    );
    expect(guest.identityAttributes.emailHash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('does all that the manager can, and says in the trail who did it', async () => {
    const guest = await guests.createGuest(wanted);
    await guests.updateGuest(guest, { attributes: { locale: 'de' } });
    const updated = await guests.updateGuest(guest.id, { attributes: { source: null } });
    expect(updated.attributes).toEqual({ locale: 'de' });
    const message = await guests.sendMessage(guest, 'Where is my order?');
    expect((await guests.listMessages(guest, { limit: 1 })).items[0]).toMatchObject({ id: message.id });
    expect(await guests.getEngagementMetrics(guest)).toMatchObject({ guestId: guest.id });
    expect((await guests.closeGuest(guest)).state).toBe('closing');
    const { items } = await guests.getAuditEntries(guest);
    expect(items.slice(0, 2).map(({ event, actor }) => [event, actor])).toEqual([
      ['GUEST_CREATED', 'in-process'],
      ['GUEST_UPDATED', 'in-process'],
    ]);
  });

  it('erases, and says what became of it', async () => {
    const guest = await guests.createGuest({ ...wanted, mode: 'widget' });
    const stale = guests.eraseGuest(guest, { etag: '"7"' });
    await expect(stale).rejects.toMatchObject({ code: 'guest.version_mismatch', status: 412 });
    await guests.closeGuest(guest);
    const asked = await guests.eraseGuest(guest);
    expect(asked).toMatchObject({ guestId: guest.id, state: 'ending', erasedDate: null });
    expect(await guests.getErasure(asked)).toEqual(asked);
    expect(await guests.getGuest(guest)).toMatchObject({ state: 'closing', closeReason: 'erased' });
  });

  it('refuses what the REST API refuses, with the same words', async () => {
    const rest = GuestManager.http({ baseUrl: `http://127.0.0.1:${port}`, token: TOKEN });
    const taken = await rest.createGuest({ ...wanted, mode: 'widget' });
    await guests.updateGuest(taken, { attributes: { source: 'shop' } });
    const calls: ((manager: GuestManager) => Promise<unknown>)[] = [
      (manager) => manager.createGuest({ ...wanted, email: 'nobody', surname: 'Example' } as never),
      (manager) => manager.createGuest({ ...wanted, email: 'nobody' }),
      (manager) => manager.createGuest({ ...wanted, attributes: { source: 'call +353 1 234 5678' } }),
      (manager) => manager.createGuest({ ...wanted, consent: { marketing: true, dataProcessing: false } }),
      (manager) => manager.createGuest({ ...wanted, attributes: { source: 'x'.repeat(70_000) } }),
      (manager) => manager.createGuest({ ...wanted, attributes: { source: 5n } } as never),
      (manager) => manager.recordConsent(taken, undefined as never),
      (manager) => manager.createGuest(wanted, { idempotencyKey: 'not visible' }),
      (manager) => manager.getGuest(STRANGER),
      (manager) => manager.getGuest('nonsense'),
      (manager) => manager.updateGuest(taken, { attributes: { source: 'kiosk' } }, { etag: '"1"' }),
      (manager) => manager.updateGuest(taken, { attributes: { source: 'kiosk' } }, { etag: 'one' }),
      (manager) => manager.updateGuest(taken, { attributes: { source: 'kiosk' } }, { merge: () => null }),
      (manager) =>
        manager.updateGuest({ ...taken, version: 99 }, { consent: { marketing: true } }, { merge: () => null }),
      (manager) => manager.listMessages(taken, { limit: 501 }),
      (manager) => manager.getAuditEntries(taken, { limit: 0 }),
      (manager) => manager.sendMessage(taken, ''),
      (manager) => manager.getEngagementMetrics(STRANGER),
      (manager) => manager.getGuest(taken, { signal: AbortSignal.abort() }),
    ];
    for (const call of calls) {
      const [here, there] = [await failureOf(call(guests)), await failureOf(call(rest))];
      const { instance: _, ...problem } = there.problem ?? {};
      expect({ name: here.name, code: here.code, status: here.status, problem: here.problem ?? {} }).toEqual({
        name: there.name,
        code: there.code,
        status: there.status,
        problem,
      });
    }
  });

  it('does under one key once what is asked for twice, and something else not at all', async () => {
    const intention = { idempotencyKey: 'order-17' };
    const [one, two] = await Promise.all([
      guests.createGuest(wanted, intention),
      guests.createGuest(wanted, intention),
    ]);
    expect(two).toEqual(one);
    expect((await failureOf(guests.createGuest({ ...wanted, attributes: {} }, intention))).code).toBe(
      'http.idempotency_key_reused',
    );
  });
});

describe('a port answered by somebody else', () => {
  it('is asked instead of ours, with what it needs from the inside', async () => {
    const directory = await newDataDir();
    class Hours extends ConsentSource {
      constructor(private readonly clock: Clock) {
        super();
      }
      consentOf(): { marketing: boolean; dataProcessing: boolean } {
        return { marketing: this.clock.now().getTime() > 0, dataProcessing: true };
      }
    }
    const other = await NestFactory.createApplicationContext(
      GuestManagerModule.forRoot({
        env: { NODE_ENV: 'test', DATA_DIR: directory, SANDBOX_PORT: '0' },
        providers: [portProvider(ConsentSource, { useFactory: (clock: Clock) => new Hours(clock), inject: [Clock] })],
      }),
      { logger: false, abortOnError: false },
    );
    try {
      const guest = await other.get(GuestManager).createGuest({ ...wanted, mode: 'widget' });
      expect(guest.consent).toEqual({ marketing: true, dataProcessing: true });
    } finally {
      await other.close();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('has to be a port: what nobody would ask is refused at the start', async () => {
    const starting = NestFactory.createApplicationContext(
      GuestManagerModule.forRoot({
        env: { NODE_ENV: 'test', DATA_DIR: dataDir, SANDBOX_PORT: '0' },
        providers: [portProvider(GuestManager, { useValue: guests })],
      }),
      { logger: false, abortOnError: false },
    );
    await expect(starting).rejects.toThrow('GuestManager is not a port');
  });
});
