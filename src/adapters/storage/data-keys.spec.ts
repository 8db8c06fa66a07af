import { randomBytes } from 'node:crypto';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { DataKeys } from './data-keys.js';
import { storageOn } from './storage.js';

const aKey = (id: string) => ({ id, secret: randomBytes(32) });

describe('DataKeys', () => {
  let storage: TestStorage;
  const [old, current] = [aKey('2025'), aKey('2026')];
  beforeAll(async () => void (storage = await openTestStorage('embedded', { dataKeys: [old] })), 120_000);
  afterAll(() => storage.close());

  const prove = (...ring: (typeof old)[]) => new DataKeys(ring).prove(storage.database);
  const someone = () => `guest:${uuidv7()}`;

  it('reads what an older key protects, and protects with the newest', async () => {
    const [before, after] = [someone(), someone()];
    const sealed = await storage.vault.seal(before, 'place', 'one');
    await prove(current, old);
    const rotated = storageOn(storage.database, { ...storage.options, dataKeys: [current, old] });
    expect(await rotated.vault.open(before, 'place', sealed)).toBe('one');
    const newer = await rotated.vault.seal(after, 'place', 'two');
    await expect(storage.vault.open(after, 'place', newer)).rejects.toThrow('2026 is missing');
  });

  it('refuses to start without a key that is still needed, or with another one of the same name', async () => {
    await expect(prove(current)).rejects.toThrow('lacks 2025');
    await expect(prove(current, aKey('2025'))).rejects.toThrow('2025 in DATA_KEYS is not the one');
    await prove(current, old);
  });

  it('does not ask for a key that protects nothing', async () => {
    await prove(aKey('never used'), current, old);
    await prove(current, old);
  });

  it('refuses keys that cannot be any', () => {
    expect(() => new DataKeys([])).toThrow('at least one');
    expect(() => new DataKeys([{ id: 'short', secret: Buffer.alloc(16) }])).toThrow('short does not have 32 bytes');
  });
});
