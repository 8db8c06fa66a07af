import { Logger } from '@nestjs/common';
import { silent } from './crm-failures.js';
import { AppError } from '../../kernel/app-error.js';
import { MappingCheck } from './mapping-check.js';

describe('the check of a mapping', () => {
  let logged: jest.SpyInstance;
  beforeEach(() => void (logged = jest.spyOn(Logger.prototype, 'error').mockImplementation()));
  afterEach(() => jest.restoreAllMocks());

  it('asks once however many wait, and again when asking failed', async () => {
    const asked = jest.fn().mockRejectedValueOnce(silent('ECONNRESET')).mockResolvedValue({ fields: [], faults: [] });
    const check = new MappingCheck('acme', asked);
    await expect(check.passed()).rejects.toMatchObject({ code: 'crm.silent' });
    await Promise.all([check.passed(), check.passed(), check.passed()]);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['is refused', new AppError('refused', 'crm.refused', 'The CRM refused the request (404).')],
    ['makes no sense', new TypeError('not iterable')],
  ])('lets the records wait while the description %s: it is not theirs that is wrong', async (_, error) => {
    const check = new MappingCheck('acme', () => Promise.reject(error));
    await expect(check.passed()).rejects.toMatchObject({ kind: 'unavailable', code: 'crm.unavailable' });
    expect(logged).toHaveBeenCalledTimes(1);
  });

  it('asks anew where the last answer may not hold any more', async () => {
    const asked = jest
      .fn()
      .mockResolvedValueOnce({ fields: [], faults: [] })
      .mockResolvedValue({ fields: [], faults: ['no field A'] });
    const check = new MappingCheck('acme', asked);
    await expect(check.passed()).resolves.toBeUndefined();
    await expect(check.passedNow()).rejects.toMatchObject({ code: 'crm.mapping_wrong' });
  });

  it('says what is wrong once, and finds out within a minute that it was mended', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    const asked = jest
      .fn()
      .mockResolvedValueOnce({ fields: [], faults: ['no field A'] })
      .mockResolvedValue({ fields: [], faults: [] });
    const check = new MappingCheck('acme', asked);
    for (let n = 0; n < 3; n++) await expect(check.passed()).rejects.toMatchObject({ code: 'crm.mapping_wrong' });
    expect(asked).toHaveBeenCalledTimes(1);
    expect(logged).toHaveBeenCalledTimes(1);
    now.mockReturnValue(61_000);
    await expect(check.passed()).resolves.toBeUndefined();
  });
});
