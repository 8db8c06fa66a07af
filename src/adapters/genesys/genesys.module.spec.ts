import { Test } from '@nestjs/testing';
import { aSession } from '../../modules/guest/ports/guest-channel.contract.js';
import { Conversations, GuestChannel } from '../../modules/guest/index.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { settingsOf } from './genesys-lab.contract.js';
import { GenesysModule } from './genesys.module.js';

describe('GenesysModule', () => {
  it('answers the ports of the guest, and closes the guests’ sockets when the service leaves', async () => {
    const lab = await Lab.open();
    const module = await Test.createTestingModule({ imports: [GenesysModule.with(settingsOf(lab))] }).compile();
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
});
