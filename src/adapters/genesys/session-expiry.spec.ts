import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import { SessionExpiry } from './session-expiry.js';

describe('The end of a session', () => {
  it('is asked about when it is due, and again when messages have moved it on', async () => {
    const askedAt: number[] = [];
    const expiry = new SessionExpiry(async () => {
      askedAt.push(Date.now());
      return new Date(Date.now() + 100);
    });
    const due = Date.now() - 1_800;
    expiry.expectedAt(new Date(due));
    await until(() => askedAt.length === 2);
    // A timer may be a millisecond ahead of the clock.
    expect(askedAt[0]! - due).toBeGreaterThanOrEqual(1_990);
    expect(askedAt[1]! - askedAt[0]!).toBeGreaterThanOrEqual(2_090);
    expiry.stop();
  });

  it('is not asked about at once when it is a year away, nor when nobody knows it, nor after all is over', async () => {
    let asked = 0;
    const ask = async (): Promise<null> => (asked++, null);
    const never = [new Date(Date.now() + 365 * 86_400_000), null].map((at) => {
      const expiry = new SessionExpiry(ask);
      expiry.expectedAt(at);
      return expiry;
    });
    const stopped = new SessionExpiry(ask);
    stopped.expectedAt(new Date(0));
    stopped.stop();
    stopped.expectedAt(new Date(0));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(0);
    for (const each of never) each.stop();
  });
});
