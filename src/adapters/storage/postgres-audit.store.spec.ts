import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { newDataDir } from '../../../test/storage/test-storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { checkChain } from '../../modules/audit/index.js';
import type { Subject } from '../../modules/audit/index.js';
import { openStorage } from './storage.js';
import type { Storage } from './storage.js';

describe('PostgresAuditStore', () => {
  let dataDir: string;
  beforeAll(async () => void (dataDir = await newDataDir()), 120_000);
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it('lists, once opened, what was restored from a database that had counted further', async () => {
    const subject: Subject = `guest:${uuidv7()}`;
    const options = { dataDir, dataKeys: [{ id: 'k1', secret: randomBytes(32) }] };
    const append = (storage: Storage): Promise<void> =>
      storage.audit.append({
        subject,
        event: 'GUEST_UPDATED',
        actor: 'test',
        at: new Date(),
        runId: null,
        changes: {},
        sealed: null,
      });

    const before = await openStorage(options);
    for (let n = 0; n < 3; n++) await append(before);
    // As in a dump of a database with many more transactions behind it.
    const text = 'update audit_entry set xid = (1000000000 + sequence)::text::xid8';
    await before.database.query({ name: 'as_restored', text });
    expect((await before.audit.list({ limit: 10 })).items).toEqual([]);
    await before.close();

    const after = await openStorage(options);
    await append(after);
    const { items } = await after.audit.list({ limit: 10 });
    expect(checkChain(subject, items)).toMatchObject({ ok: true, head: { sequence: 4 } });
    await after.close();
  });
});
