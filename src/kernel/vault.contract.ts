import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import type { UnitOfWork } from './unit-of-work.js';
import { Vault } from './vault.js';

export type VaultLab = {
  readonly vault: Vault;
  /** The same vault, in another process. */
  readonly another: Vault;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

/** What every `Vault` promises. */
export function vaultContract(openLab: () => Promise<VaultLab>): void {
  let lab: VaultLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const someone = (): string => `guest:${randomUUID()}`;
  const boom = new Error('boom');

  it('opens what it sealed, in any process, and never seals one text the same twice', async () => {
    const subject = someone();
    const text = 'Grüße, 你好 \u{1F44B}';
    const sealed = await lab.vault.seal(subject, 'message.text', text);
    // Two letters of it may turn up in a ciphertext by chance.
    expect(sealed).not.toContain('Grüße');
    expect(sealed).not.toContain(Buffer.from('Grüße').toString('base64url').slice(0, 8));
    expect(await lab.vault.open(subject, 'message.text', sealed)).toBe(text);
    expect(await lab.another.open(subject, 'message.text', sealed)).toBe(text);
    expect(await lab.vault.seal(subject, 'message.text', text)).not.toBe(sealed);
    expect(await lab.vault.open(subject, 'message.text', await lab.vault.seal(subject, 'message.text', ''))).toBe('');
  });

  it('opens what is as large as a file, also when the engine has no room left for fast regular expressions', async () => {
    const subject = someone();
    const text = 'x'.repeat(7 * 1024 * 1024);
    setFlagsFromString('--no-regexp-optimization');
    try {
      const sealed = await lab.vault.seal(subject, 'attachment.bytes', text);
      expect((await lab.vault.open(subject, 'attachment.bytes', sealed))?.length).toBe(text.length);
    } finally {
      setFlagsFromString('--regexp-optimization');
    }
  });

  it('refuses a sealed text in another place, of another subject, changed or made up', async () => {
    const [subject, other, nobody] = [someone(), someone(), someone()];
    const sealed = await lab.vault.seal(subject, 'message.text', 'hello');
    await lab.vault.seal(other, 'message.text', 'hello');
    const flipped = `${sealed.slice(0, 10)}${sealed[10] === 'A' ? 'B' : 'A'}${sealed.slice(11)}`;
    await expect(lab.vault.open(subject, 'session.token', sealed)).rejects.toThrow();
    await expect(lab.vault.open(other, 'message.text', sealed)).rejects.toThrow();
    await expect(lab.vault.open(nobody, 'message.text', sealed)).rejects.toThrow();
    await expect(lab.vault.open(subject, 'message.text', flipped)).rejects.toThrow();
    await expect(lab.vault.open(subject, 'message.text', sealed.slice(0, -4))).rejects.toThrow();
    await expect(lab.vault.open(subject, 'message.text', 'v1.AAAA')).rejects.toThrow();
    await expect(lab.vault.open(subject, 'message.text', 'hello')).rejects.toThrow();
  });

  it('seals and opens within the unit that makes the key', async () => {
    const subject = someone();
    const sealed = await lab.work.run(async () => {
      const made = await lab.vault.seal(subject, 'place', 'one');
      expect(await lab.vault.open(subject, 'place', made)).toBe('one');
      return made;
    });
    expect(await lab.vault.open(subject, 'place', sealed)).toBe('one');
  });

  it('loses the key with the unit that made it', async () => {
    const subject = someone();
    let lost = '';
    const failing = lab.work.run(async () => {
      lost = await lab.vault.seal(subject, 'place', 'one');
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    const sealed = await lab.vault.seal(subject, 'place', 'two');
    expect(await lab.vault.open(subject, 'place', sealed)).toBe('two');
    await expect(lab.vault.open(subject, 'place', lost)).rejects.toThrow();
  });

  it('makes one key for a subject, however many want to seal for the first time', async () => {
    for (let round = 0; round < 5; round++) {
      const subject = someone();
      const vaults = Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? lab.vault : lab.another));
      const sealed = await Promise.all(vaults.map((vault, index) => vault.seal(subject, 'place', String(index))));
      const opened = await Promise.all(sealed.map((text) => lab.vault.open(subject, 'place', text)));
      expect(opened).toEqual(vaults.map((_, index) => String(index)));
    }
  });

  it('answers null for everything under a destroyed key, in every process, and seals nothing any more', async () => {
    const subject = someone();
    const sealed = await lab.vault.seal(subject, 'place', 'one');
    expect(await lab.another.open(subject, 'place', sealed)).toBe('one');
    await lab.vault.destroy(subject);
    expect(await lab.vault.open(subject, 'place', sealed)).toBeNull();
    expect(await lab.another.open(subject, 'place', sealed)).toBeNull();
    await expect(lab.another.seal(subject, 'place', 'two')).rejects.toMatchObject({ kind: 'conflict' });
    await lab.another.destroy(subject);
    expect(await lab.vault.open(subject, 'place', sealed)).toBeNull();
  });

  it('knows who has a key that was not destroyed', async () => {
    const [held, destroyed, stranger] = [`origins:${randomUUID()}`, `origins:${randomUUID()}`, someone()];
    for (const subject of [held, destroyed]) await lab.vault.seal(subject, 'place', 'one');
    await lab.vault.destroy(destroyed);
    expect(await lab.another.holding([stranger, destroyed, held])).toEqual([held]);
    expect(await lab.vault.holding([])).toEqual([]);
  });

  it('keeps the key when the unit that would destroy it fails', async () => {
    const subject = someone();
    const sealed = await lab.vault.seal(subject, 'place', 'one');
    const failing = lab.work.run(async () => {
      await lab.vault.destroy(subject);
      expect(await lab.vault.open(subject, 'place', sealed)).toBeNull();
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect(await lab.vault.open(subject, 'place', sealed)).toBe('one');
  });

  it('seals for the service itself too', async () => {
    const sealed = await lab.vault.seal('system', 'place', 'one');
    expect(await lab.another.open('system', 'place', sealed)).toBe('one');
    expect(await lab.vault.open('system', 'place', await lab.another.seal('system', 'place', 'two'))).toBe('two');
  });
}
