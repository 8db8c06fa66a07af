import { openTestStorage } from '../../../test/storage/test-storage.js';
import { idempotencyStoreContract } from '../../http/idempotency.store.contract.js';
import type { IdempotencyLab } from '../../http/idempotency.store.contract.js';

const openLab = async (engine: 'embedded' | 'postgres'): Promise<IdempotencyLab> => {
  const storage = await openTestStorage(engine);
  // Two who share the embedded engine's one session are not kept apart by its locks.
  const another = engine === 'postgres' ? await storage.openAnother() : null;
  return {
    store: storage.idempotency,
    work: storage.work,
    other: another && { store: another.idempotency, work: another.work },
    close: async () => {
      await another?.close();
      await storage.close();
    },
  };
};

describe('PostgresIdempotencyStore, embedded', () => idempotencyStoreContract(() => openLab('embedded')));

(process.env['TEST_DATABASE_URL'] === undefined ? describe.skip : describe)('PostgresIdempotencyStore, postgres', () =>
  idempotencyStoreContract(() => openLab('postgres')),
);
