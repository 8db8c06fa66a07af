import { randomUUID } from 'node:crypto';
import type { ApiKeyUseStore } from './api-key-use.store.js';

const at = (time: string): Date => new Date(`2026-11-22T${time}:00.000Z`);

/** What every `ApiKeyUseStore` has to do. */
export function apiKeyUseStoreContract(uses: () => ApiKeyUseStore): void {
  describe('ApiKeyUseStore', () => {
    it('knows what was saved, and of each key the latest', async () => {
      const [website, back] = [randomUUID(), randomUUID()];
      await uses().save(new Map([[website, at('09:00')]]));
      await uses().save(
        new Map([
          [website, at('08:00')],
          [back, at('09:30')],
        ]),
      );
      const all = await uses().all();
      expect(all.get(website)).toEqual(at('09:00'));
      expect(all.get(back)).toEqual(at('09:30'));
    });

    it('takes the same from many processes at once', async () => {
      const names = [randomUUID(), randomUUID()];
      await Promise.all(
        ['09:00', '09:05', '09:02'].map((time) => uses().save(new Map(names.map((name) => [name, at(time)])))),
      );
      const all = await uses().all();
      expect(names.map((name) => all.get(name))).toEqual([at('09:05'), at('09:05')]);
    });

    it('knows nothing of a key that was never used', async () => {
      expect((await uses().all()).has(randomUUID())).toBe(false);
    });
  });
}
