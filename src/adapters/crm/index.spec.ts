import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { GenesysContacts } from './genesys-contacts.crm.js';
import { crmAdapters } from './index.js';

const files = readdirSync(__dirname).filter((name) => name.endsWith('.crm.ts'));

describe('the list of CRMs', () => {
  it('names every adapter in this folder, once', () => {
    const unused = {} as GenesysContacts;
    expect(
      crmAdapters(unused)
        .map(({ id }) => `${id}.crm.ts`)
        .sort(),
    ).toEqual(files.sort());
  });

  it.each(files)('%s has a spec', (file) => {
    expect(existsSync(join(__dirname, file.replace('.ts', '.spec.ts')))).toBe(true);
  });
});
