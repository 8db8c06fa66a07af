import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const program = join(__dirname, '../../dist/sandbox/main.js');

function start(port: string) {
  const child = spawn(process.execPath, [program], { env: { ...process.env, SANDBOX_PORT: port } });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  return { child, exited };
}

describe('npm run sandbox', () => {
  it('prints the environment of a service, serves, and stops cleanly when told', async () => {
    const { child, exited } = start('0');
    const [printed] = (await once(child.stdout, 'data')) as [Buffer];
    const lines = printed.toString().trim().split('\n');
    const pairs = lines.filter((line) => !line.startsWith('#')).map((line) => line.split('=', 2));
    const environment = Object.fromEntries(pairs) as Record<string, string>;
    expect(Object.keys(environment)).toEqual([
      'GENESYS_MODE',
      'GENESYS_CLIENT_ID',
      'GENESYS_CLIENT_SECRET',
      'GENESYS_DEPLOYMENT_ID',
      'GENESYS_ORIGIN',
      'GENESYS_GATEWAY_URL',
      'GENESYS_WEBMESSAGING_URL',
      'CRMS',
      'CRM_BATCH_UPSERT_URL',
      'CRM_AUTH_TOKEN',
      'CRM_DELETE_URL',
      'SALESFORCE_LOGIN_URL',
      'SALESFORCE_CLIENT_ID',
      'SALESFORCE_CLIENT_SECRET',
      'HUBSPOT_URL',
      'HUBSPOT_ACCESS_TOKEN',
      'GENESYS_CONTACTS_SOURCE_ID',
      'GENESYS_CONTACTS_SCHEMA_ID',
    ]);
    const answered = await fetch(`${environment['GENESYS_GATEWAY_URL']}/sandbox/`);
    expect(await answered.json()).toMatchObject({
      crms: { rest: { url: environment['CRM_BATCH_UPSERT_URL'] } },
    });
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  });

  it('says what is wrong with its port', async () => {
    const { child, exited } = start('many');
    const [said] = (await once(child.stderr, 'data')) as [Buffer];
    expect(said.toString()).toMatch('SANDBOX_PORT');
    expect((await exited)[0]).toBe(1);
  });
});
