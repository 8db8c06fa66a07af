import { Injectable, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { aGuest } from '../../../test/builders/guest.js';
import { newDataDir } from '../../../test/storage/test-storage.js';
import { SystemClock } from '../../kernel/clock.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { KernelModule } from '../../kernel/kernel.module.js';
import { Leases } from '../../kernel/leases.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { Vault } from '../../kernel/vault.js';
import { AuditStore } from '../../modules/audit/index.js';
import { CrmStore } from '../../modules/crm-sync/index.js';
import { GuestStore, MessageStore, SessionStore } from '../../modules/guest/index.js';
import { MetricStore } from '../../modules/metrics/index.js';
import { Database } from './database.js';
import { StorageModule } from './storage.module.js';

const order: string[] = [];

/** Somebody inside, who writes until the very end. */
@Injectable()
class Writer implements OnApplicationShutdown {
  constructor(
    readonly guests: GuestStore,
    private readonly work: UnitOfWork,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.work.run(() => this.guests.add(aGuest()));
    order.push('writer');
  }
}

@Module({ providers: [Writer], exports: [Writer] })
class InsideModule {}

describe('StorageModule', () => {
  let dataDir: string;
  beforeAll(async () => void (dataDir = await newDataDir()), 120_000);
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it('answers every port, and closes after everybody who may still write', async () => {
    const clock = new SystemClock();
    const dataKeys = [{ id: 'k1', secret: randomBytes(32) }];
    const app = await Test.createTestingModule({
      imports: [KernelModule.with(clock), StorageModule.with({ dataDir, dataKeys, clock }), InsideModule],
    }).compile();
    await app.init();
    const ports = [
      UnitOfWork,
      Outbox,
      Vault,
      Leases,
      GuestStore,
      SessionStore,
      MessageStore,
      AuditStore,
      MetricStore,
      CrmStore,
    ];
    for (const port of ports) expect(app.get(port)).toBeInstanceOf(port);
    await app.get(Database).ping();

    const job = app.get(JobRunner).run('slow', async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      await app.get(GuestStore).add(aGuest());
      order.push('job');
    });
    await app.close();
    await job;
    expect(order.sort()).toEqual(['job', 'writer']);
    await expect(app.get(UnitOfWork).run(async () => undefined)).rejects.toMatchObject({ code: 'storage.closed' });
  });
});
