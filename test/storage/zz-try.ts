import { openStorage } from '../../src/adapters/storage/storage.js';
import { newGuest } from '../../src/modules/guest/guest.js';
import { identity } from '../../src/modules/identity/identity.js';
import { uuidv7 } from '../../src/kernel/uuid.js';
import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
async function main() {
  const t0 = Date.now();
  const pgurl = process.env.URL;
  const dir = process.env.DIR ?? '/tmp/trydata';
  if (process.env.FRESH) rmSync(dir, { recursive: true, force: true });
  const s = await openStorage({
    ...(pgurl ? { databaseUrl: pgurl } : { dataDir: dir }),
    dataKeys: [{ id: 'k1', secret: Buffer.alloc(32, 7) }],
  });
  console.log('open ms', Date.now() - t0, 'rss MB', Math.round(process.memoryUsage().rss / 1e6));
  const create = (server: boolean) =>
    s.work.run(async () => {
      const at = new Date();
      const id = uuidv7();
      const guest = newGuest(
        {
          id,
          mode: server ? 'server' : 'widget',
          consent: { marketing: false, dataProcessing: true },
          identity: identity({ emailHash: randomBytes(32).toString('hex') }, 'k'),
          channelContext: { originPage: 'https://x.example/y', campaignId: 'W24' },
          attributes: { source: 'website' },
          deploymentId: 'd',
        },
        at,
      );
      await s.guests.add(guest);
      const sealed = await s.vault.seal(`guest:${id}`, 'session.token', randomUUID());
      if (server) await s.sessions.add({ guestId: id, sealedToken: sealed });
      await s.audit.append({
        subject: `guest:${id}`,
        event: 'GUEST_CREATED',
        actor: 'a',
        at,
        runId: null,
        changes: { mode: 'server' },
        sealed,
      });
      await s.metrics.append({ guestId: id, type: 'created', at });
      await s.crm.put(
        'rest',
        {
          guestId: id,
          version: 1,
          record: {
            externalId: id,
            emailHash: null,
            phoneHash: null,
            consentFlags: guest.consent,
            lastInteraction: at.toISOString(),
            channelContext: {},
          },
        },
        at,
      );
      if (server) await s.outbox.put({ topic: 't', subject: id, payload: { guestId: id } });
      return guest;
    });
  const g = await create(true);
  console.log(
    (await s.guests.find(g.id))!.createdDate.getTime() === g.createdDate.getTime(),
    (await s.audit.list({ limit: 5 })).items.length,
  );
  for (const callers of [1, 32, 64]) {
    const until = Date.now() + 3000;
    let n = 0;
    const lat: number[] = [];
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (Date.now() < until) {
          const a = performance.now();
          await create(true);
          lat.push(performance.now() - a);
          n++;
        }
      }),
    );
    lat.sort((a, b) => a - b);
    console.log(
      'creates/s',
      callers,
      'callers',
      Math.round(n / 3),
      'p50',
      lat[lat.length >> 1]!.toFixed(2),
      'p99',
      lat[Math.floor(lat.length * 0.99)]!.toFixed(2),
    );
  }
  const ids = (await s.guests.list({ limit: 500 })).items.map((x) => x.id);
  {
    const until = Date.now() + 3000;
    let n = 0;
    await Promise.all(
      Array.from({ length: 32 }, async (_, k) => {
        while (Date.now() < until) {
          const id = ids[(k * 7 + n) % ids.length]!;
          await s.work.run(async () => {
            const gg = await s.guests.update(id, (x) => ({
              ...x,
              version: x.version + 1,
              interactionCount: x.interactionCount + 1,
            }));
            await s.metrics.append({ guestId: id, type: 'message', at: new Date() });
            await s.audit.append({
              subject: `guest:${id}`,
              event: 'GUEST_UPDATED',
              actor: 'a',
              at: new Date(),
              runId: null,
              changes: { v: gg.version },
              sealed: null,
            });
          });
          n++;
        }
      }),
    );
    console.log('updates/s 32 callers', Math.round(n / 3));
  }
  {
    const until = Date.now() + 2000;
    let n = 0;
    await Promise.all(
      Array.from({ length: 32 }, async (_, k) => {
        while (Date.now() < until) {
          await s.guests.find(ids[(k * 7 + n) % ids.length]!);
          n++;
        }
      }),
    );
    console.log('reads/s', Math.round(n / 2));
  }
  const c = await s.outbox.claim('t', 50, 1000);
  console.log('claimed', c.length);
  console.log('rss MB', Math.round(process.memoryUsage().rss / 1e6));
  await s.close();
  console.log('closed');
}
void main().catch((e) => {
  console.error(e);
  process.exit(1);
});
