import pg from 'pg';
import { Database } from './database.js';
import type { Engine } from './database.js';

/** A database that refuses everything with one code (PostgreSQL, appendix A). */
const refusing = (code: string): Database => {
  const error = Object.assign(new pg.DatabaseError('refused', 0, 'error'), { code });
  return new Database({ reads: { query: () => Promise.reject(error) } } as unknown as Engine);
};

describe('a plain read', () => {
  it.each([
    ['out of memory', '53200'],
    ['the disk is full', '53100'],
    ['an error of the disk', '58030'],
    ['it took too long', '57014'],
    ['the server is leaving', '57P01'],
  ])('that fails because of what may pass says so: %s', async (_why, code) => {
    await expect(refusing(code).ping()).rejects.toMatchObject({ kind: 'unavailable', code: 'storage.unavailable' });
  });

  it('that is wrong is a mistake of ours', async () => {
    await expect(refusing('42P01').ping()).rejects.toMatchObject({ name: 'StatementFailed', code: '42P01' });
  });
});
