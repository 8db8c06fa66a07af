import { Logger } from '@nestjs/common';
import { MappingCheck } from './mapping-check.js';

describe('the check of a mapping', () => {
  let logged: jest.SpyInstance;
  beforeEach(() => void (logged = jest.spyOn(Logger.prototype, 'error').mockImplementation()));
  afterEach(() => jest.restoreAllMocks());

  it('asks once however many wait, and again when asking failed', async () => {
    const asked = jest.fn().mockRejectedValueOnce(new Error('silent')).mockResolvedValue({ fields: [], faults: [] });
    const check = new MappingCheck('acme', asked);
    await expect(check.passed()).rejects.toThrow('silent');
    await Promise.all([check.passed(), check.passed(), check.passed()]);
    expect(asked).toHaveBeenCalledTimes(2);
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
