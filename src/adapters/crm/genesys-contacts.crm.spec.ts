import { Logger } from '@nestjs/common';
import { HttpService } from '@nestjs/axios';
import { AppError } from '../../kernel/app-error.js';
import { aRecord, crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { platformContacts } from '../genesys/platform-contacts.js';
import { CrmHttp } from './crm-http.js';
import { genesysContacts } from './genesys-contacts.crm.js';
import type { GenesysContacts } from './genesys-contacts.crm.js';
import { sandboxLab } from './sandbox-lab.contract.js';

// What does not fit is told in the log, rightly.
Logger.overrideLogger(false);

const campaign = (campaignId: string) => ({ channel_context_longtext: JSON.stringify({ campaignId }) });
const adapter = ({ connection: { genesys } }: Sandbox) =>
  genesysContacts(
    platformContacts({
      clientId: genesys.clientId,
      clientSecret: genesys.clientSecret,
      deploymentId: genesys.deploymentId,
      origin: genesys.origin,
      environment: 'mypurecloud.ie',
      gatewayUrl: genesys.apiUrl,
      webmessagingUrl: genesys.webmessagingUrl,
    }),
  );
const effects = {
  // The Platform API counts by the minute, not by the day.
  'out of quota': null,
  // A minute would be waited for, since nothing shorter was said; the wait itself is in the specs of the transport.
  'busy for it does not say how long': null,
  // Plain text is taken for an answer by the transport; that it holds no results is found here.
  'cut off in its answer': null,
};

describe('the contacts of Genesys Cloud', () => {
  crmContract(() => sandboxLab(adapter, { campaign, effects, logsInAgain: true }));

  it('logs in again when its token has ended', async () => {
    const lab = await sandboxLab(adapter, { campaign });
    try {
      await lab.crm.upsert([aRecord('a')], 'k');
      await lab.fault({ expireToken: true });
      await expect(lab.crm.upsert([aRecord('b')], 'k')).resolves.toMatchObject([{ status: 'created' }]);
    } finally {
      await lab.close();
    }
  });

  it('takes half of an answer for none', async () => {
    const lab = await sandboxLab(adapter, { campaign });
    try {
      await lab.crm.describe!();
      await lab.fault({ halfAnswer: true });
      await expect(lab.crm.upsert([aRecord('a')], 'k')).rejects.toMatchObject({ kind: 'unavailable' });
      expect(await lab.crm.upsert([aRecord('a')], 'k')).toMatchObject([{ index: 0, status: 'updated' }]);
    } finally {
      await lab.close();
    }
  });

  it('writes nothing into custom fields that are not in the schema', async () => {
    const lab = await sandboxLab(adapter, { campaign });
    try {
      const env = {
        ...lab.sandbox.crmEnvironments['genesys-contacts'],
        GENESYS_CONTACTS_FIELDS: 'nowhere_text:emailHash',
      };
      const wrong = adapter(lab.sandbox).open(env, new CrmHttp(new HttpService()));
      await expect(wrong.upsert([aRecord('a')], 'k')).rejects.toMatchObject({ code: 'crm.mapping_wrong' });
    } finally {
      await lab.close();
    }
  });

  it('erases the contact that has the guest’s id rather than the one it was told, and that one when there is none', async () => {
    const lab = await sandboxLab(adapter, { campaign });
    try {
      const verdicts = await lab.crm.upsert([aRecord('a'), aRecord('b')], 'k');
      const told = (verdicts[1] as { remoteId: string }).remoteId;
      expect(await lab.crm.erase!('a', told)).toBe('deleted');
      expect(await lab.held()).toEqual(['b']);
      expect(await lab.crm.erase!('c', told)).toBe('deleted');
      expect(await lab.held()).toEqual([]);
    } finally {
      await lab.close();
    }
  });

  const SETTINGS = {
    GENESYS_CONTACTS_SOURCE_ID: '00000000-0000-0000-0000-000000000001',
    GENESYS_CONTACTS_SCHEMA_ID: '00000000-0000-0000-0000-000000000002',
  };

  it.each<[string, Partial<GenesysContacts>, string]>([
    ['a look-up that names nobody', { lookUp: async () => null }, 'crm.unavailable'],
    [
      'words in place of an answer',
      { lookUp: async () => ({ id: 'x' }), remove: async () => '<html>Sign in</html>' },
      'crm.unavailable',
    ],
    [
      'a login that is not there',
      {
        lookUp: () =>
          Promise.reject(new AppError('unavailable', 'crm.credentials_refused', '', { extra: { status: 404 } })),
      },
      'crm.credentials_refused',
    ],
  ])('does not take %s for an erasure', async (_, contacts, code) => {
    const crm = genesysContacts(contacts as GenesysContacts).open(SETTINGS, new CrmHttp(new HttpService()));
    await expect(crm.erase!('a', null)).rejects.toMatchObject({ kind: 'unavailable', code });
  });

  it('tries again what Genesys calls retryable, and knows results by id before place', async () => {
    const properties = Object.fromEntries(['email_hash_text'].map((name) => [name, {}]));
    const contacts = {
      schema: async () => ({ version: 1, enabled: true, jsonSchema: { properties } }),
      enrich: async () => ({
        results: [
          { id: 'b', success: false, error: { code: 'conflict', retryable: true } },
          { id: 'a', success: true, status: 201, entity: { id: 'x' } },
          null,
        ],
      }),
    } as unknown as GenesysContacts;
    const env = { ...SETTINGS, GENESYS_CONTACTS_FIELDS: 'email_hash_text:emailHash' };
    const crm = genesysContacts(contacts).open(env, new CrmHttp(new HttpService()));
    const verdicts = await crm.upsert(
      ['a', 'b', 'c'].map((id) => aRecord(id)),
      'k',
    );
    expect(verdicts.sort((a, b) => a.index - b.index)).toEqual([
      { index: 0, status: 'created', remoteId: 'x' },
      { index: 1, status: 'retry', error: 'crm.record.conflict', message: 'The CRM put the record off with conflict.' },
    ]);
  });
});
