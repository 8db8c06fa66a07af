import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Clock, SystemClock } from '../../kernel/clock.js';
import { Gate } from '../../kernel/gate.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { aSession, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { Conversations, GuestChannel } from '../../modules/guest/index.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { settingsOf } from './genesys-lab.contract.js';
import { GenesysModule } from './genesys.module.js';

/** What the kernel and storage give to everybody. */
@Global()
@Module({})
class Surroundings {
  static with(): DynamicModule {
    const clock = new SystemClock();
    const runner = new JobRunner({ take: async () => true, release: async () => undefined });
    const providers = [
      { provide: Clock, useValue: clock },
      { provide: Gate, useValue: new LoneGate(clock) },
      { provide: JobRunner, useValue: runner },
    ];
    return { module: Surroundings, providers, exports: providers.map(({ provide }) => provide) };
  }
}

describe('GenesysModule', () => {
  it('answers the ports of the guest, and closes the guests’ sockets when the service leaves', async () => {
    const lab = await Lab.open();
    const module = await Test.createTestingModule({
      imports: [Surroundings.with(), GenesysModule.with(settingsOf(lab))],
    }).compile();
    const app = await module.init();
    const channel = app.get(GuestChannel);
    channel.listen(() => Promise.resolve());
    await app.get(Conversations).ping();
    await channel.open(aSession(), {});
    expect(channel.held()).toHaveLength(1);
    await app.close();
    expect(channel.held()).toEqual([]);
    expect(await lab.conversations()).toMatchObject([{ state: 'connected' }]);
    await lab.close();
  });

  it('looks at the start whether anything is missing, and says so in the log, and starts all the same', async () => {
    const lab = await Lab.open();
    await lab.http('PATCH', '/sandbox/genesys/deployment', { conversationClear: false });
    const lines: unknown[][] = [];
    const keep = (...line: unknown[]): void => void lines.push(line);
    const logger = { log: keep, warn: keep, error: keep, debug: () => undefined };
    const module = await Test.createTestingModule({
      imports: [Surroundings.with(), GenesysModule.with(settingsOf(lab), { examineAtStart: true })],
    })
      .setLogger(logger)
      .compile();
    const app = await module.init();
    app.get(GuestChannel).listen(() => Promise.resolve());
    await until(() => lines.some(([sentence]) => sentence === 'genesys examined'));
    expect(lines.find(([sentence]) => sentence === 'something is missing at genesys')?.[1]).toMatchObject({
      about: 'deployment',
      feature: expect.stringContaining('end their conversation') as string,
    });
    expect(lines.find(([sentence]) => sentence === 'genesys examined')?.[1]).toEqual({ missing: 1 });
    await app.close();
    await lab.close();
  });
});
