import { configVariables } from './config.environment.js';
import { misspelt } from './config.misspelt.js';

const meantBy = (variable: string): string | undefined => misspelt([variable], configVariables())[0]?.meant;

describe('a misspelt variable', () => {
  it.each([
    ['API_KEY', 'API_KEYS'],
    ['API_KYES', 'API_KEYS'],
    ['api_keys', 'API_KEYS'],
    ['API-KEYS', 'API_KEYS'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['GENESYS_CLIENTID', 'GENESYS_CLIENT_ID'],
    ['GENESIS_ENVIRONMENT', 'GENESYS_ENVIRONMENT'],
    ['RETENTION_MESSAGE_DAYS', 'RETENTION_MESSAGES_DAYS'],
    ['CRM', 'CRMS'],
  ])('%s is probably %s', (variable, meant) => expect(meantBy(variable)).toBe(meant));

  it.each(
    'PATH HOME HOSTNAME LANG TERM USER PWD OLDPWD SHELL LOGNAME PGHOST PGPORT SSH_AUTH_SOCK TZ EDITOR _'.split(' '),
  )('%s is none', (variable) => expect(meantBy(variable)).toBeUndefined());

  it('is none that is known, however near others are', () => {
    expect(misspelt(configVariables(), configVariables())).toEqual([]);
  });
});
