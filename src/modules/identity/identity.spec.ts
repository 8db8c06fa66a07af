import { createHash, createHmac } from 'node:crypto';
import type { AppError } from '../../kernel/app-error.js';
import { matchKey, normaliseEmail, saltedHash } from './identity.js';
import { IdentityService } from './identity.service.js';
import type { Claim } from './identity.service.js';
import { normalisePhone } from './phone.js';

const key = { id: 'k2', secret: Buffer.alloc(32, 7) };
const old = { id: 'k1', secret: Buffer.alloc(32, 9) };
const service = new IdentityService({ keys: [key, old], salt: null });
const salted = new IdentityService({ keys: [key], salt: 'pepper' });

describe('an e-mail address', () => {
  it.each([
    ['User@Example.COM', 'user@example.com'],
    ['  user@example.com\n', 'user@example.com'],
    ['Jane.Doe+Home@Gmail.com', 'jane.doe+home@gmail.com'],
    ['jos\u0065\u0301@example.com', 'jos\u00e9@example.com'],
  ])('%j is %j', (raw, canonical) => expect(normaliseEmail(raw)).toBe(canonical));

  it.each([
    '',
    ' ',
    'user',
    '@example.com',
    'user@',
    'user@example',
    'a b@example.com',
    'user@exa mple.com',
    `${'x'.repeat(65)}@example.com`,
  ])('%j is none', (raw) => expect(normaliseEmail(raw)).toBeNull());
});

describe('a phone number', () => {
  it.each([
    ['+353 1 234 5678', '+35312345678'],
    ['+1 (650) 555-1212', '+16505551212'],
    [' +49-30-901820 ', '+4930901820'],
  ])('%j is %j in E.164', (raw, canonical) => expect(normalisePhone(raw)).toBe(canonical));

  it.each([
    '',
    '650 555 1212',
    '0035312345678',
    '+',
    '+1 23',
    'tel:+353',
    '+999 123 456 789',
    '+353 1 234 5678 ext 5 or so',
  ])('%j is none: no country is guessed', (raw) => expect(normalisePhone(raw)).toBeNull());
});

describe('identity', () => {
  it('is a keyed hash under the newest key, the same for every spelling', () => {
    const one = service.identify({ email: 'User@Example.com', phone: '+1 (650) 555-1212' });
    const two = service.identify({ email: ' user@example.com', phone: '+16505551212' });
    expect(one).toEqual(two);
    expect(one).toMatchObject({ keyId: 'k2', resolutionMethod: 'email', primaryIdentifier: one.emailHash });
    expect(one.emailHash).toBe(createHmac('sha256', key.secret).update('email\0user@example.com').digest('hex'));
  });

  it('cannot be found by hashing without the key', () => {
    const { emailHash } = service.identify({ email: 'user@example.com' });
    expect(emailHash).not.toBe(createHash('sha256').update('user@example.com').digest('hex'));
    expect(emailHash).not.toBe(matchKey('email', 'user@example.com', old));
    expect(matchKey('email', '+16505551212', key)).not.toBe(matchKey('phone', '+16505551212', key));
  });

  it('is the phone when there is no e-mail, and nobody when there is neither', () => {
    expect(service.identify({ phone: '+16505551212' }).resolutionMethod).toBe('phone');
    expect(service.identify({ deviceFingerprint: 'fp' })).toEqual({
      emailHash: null,
      phoneHash: null,
      deviceFingerprint: 'fp',
      primaryIdentifier: null,
      resolutionMethod: 'unknown',
      keyId: null,
    });
  });

  it('takes hashes of the caller as they are, under the scheme they were made by', () => {
    const identity = service.identify({ identityAttributes: { emailHash: 'AB'.repeat(32), scheme: 'crm-2024' } });
    expect(identity).toMatchObject({
      emailHash: 'ab'.repeat(32),
      keyId: 'crm-2024',
      primaryIdentifier: 'ab'.repeat(32),
    });
  });

  it('names every field that is wrong, and not what it held', () => {
    const wrong = () =>
      service.identify({ email: 'nobody', phone: '12', identityAttributes: { emailHash: 'ab'.repeat(32) } });
    let error: unknown;
    try {
      wrong();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({
      kind: 'invalid',
      errors: [
        { pointer: '/email', rule: 'email' },
        { pointer: '/phone', rule: 'e164' },
        { pointer: '/identityAttributes/emailHash', rule: 'exclusive' },
      ],
    });
    expect(JSON.stringify(error)).not.toContain('nobody');
  });

  const errorsOf = (by: IdentityService, claim: Claim): unknown => {
    try {
      by.identify(claim);
    } catch (error) {
      return (error as AppError).errors.map(({ pointer, rule }) => [pointer, rule]);
    }
    return [];
  };

  it('lets nobody pass off hashes as made here', () => {
    const under = (by: IdentityService, scheme: string) =>
      errorsOf(by, { identityAttributes: { emailHash: 'ab'.repeat(32), scheme } });
    const reserved = [['/identityAttributes/scheme', 'reserved']];
    for (const scheme of ['k1', 'k2', 'sha256-salted']) expect(under(service, scheme)).toEqual(reserved);
    expect(under(salted, 'k2')).toEqual(reserved);
    expect(under(salted, 'sha256-salted')).toEqual([]);
    expect(under(service, 'crm-2024')).toEqual([]);
  });

  it('takes no personal data where it would be kept as it is', () => {
    expect(
      errorsOf(service, {
        deviceFingerprint: 'jane@example.com',
        identityAttributes: { deviceFingerprint: '+353 1 234 5678', scheme: 'jane@example.com' },
      }),
    ).toEqual([
      ['/deviceFingerprint', 'personalData'],
      ['/identityAttributes/deviceFingerprint', 'personalData'],
      ['/identityAttributes/scheme', 'personalData'],
    ]);
  });

  it('matches hashes of the salted scheme where a deployment holds them', () => {
    const identity = salted.identify({ email: ' User@Example.com ' });
    expect(identity.keyId).toBe('sha256-salted');
    expect(identity.emailHash).toBe(createHash('sha256').update('user@example.compepper').digest('hex'));
    expect(saltedHash(' A ', 's')).toBe(createHash('sha256').update('as').digest('hex'));
  });
});
