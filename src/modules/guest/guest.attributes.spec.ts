import { randomBytes } from 'node:crypto';
import { aGuest } from '../../../test/builders/guest.js';
import {
  attributeErrors,
  attributesHash,
  genesysAttributes,
  provesGuest,
  widgetAttributes,
  withoutQuery,
} from './guest.attributes.js';
import { patched } from './guest.patch.js';

const now = new Date('2026-01-01T10:00:00.000Z');
const allowed = ['source', 'locale', 'converted'];

describe('what Genesys is told about a guest', () => {
  it('is strings by name: attributes, context, hashes and measures', () => {
    const guest = aGuest();
    const measures = {
      guestId: guest.id,
      definition: 'engagement/1' as const,
      durationMinutes: 5,
      messageCount: 3,
      avgResponseTimeMs: 100_000,
      conversionFlag: false,
      calculatedAt: now.toISOString(),
    };
    expect(genesysAttributes(guest, measures)).toEqual({
      guestSessionId: guest.id,
      source: 'website',
      campaignId: 'WINTER-2024',
      emailHash: 'ab'.repeat(32),
      durationMinutes: '5',
      messageCount: '3',
      avgResponseTimeMs: '100000',
      conversionFlag: 'false',
      calculatedAt: now.toISOString(),
    });
  });

  it('blanks what was deleted, because participant data cannot be deleted', () => {
    const guest = patched(aGuest(), { attributes: { source: null }, channelContext: { campaignId: null } }, now);
    expect(genesysAttributes(guest, null)).toMatchObject({ source: '', campaignId: '' });
  });

  it('cannot be made to say that the guest is somebody else', () => {
    const guest = aGuest({ attributes: { guestSessionId: 'other', emailHash: 'other' } });
    expect(genesysAttributes(guest, null)).toMatchObject({ guestSessionId: guest.id, emailHash: 'ab'.repeat(32) });
  });

  it('has one hash whatever the order of its names and whenever it was calculated', () => {
    expect(attributesHash({ a: '1', b: '2' })).toBe(attributesHash({ b: '2', a: '1' }));
    expect(attributesHash({ a: '1', calculatedAt: '3' })).toBe(attributesHash({ a: '1', calculatedAt: '4' }));
    expect(attributesHash({ a: '1', b: '2' })).not.toBe(attributesHash({ a: '2', b: '1' }));
  });
});

describe('attributes', () => {
  const errors = (attributes: Record<string, unknown>, channelContext = {}) =>
    attributeErrors({ attributes, channelContext }, allowed).map(({ pointer, rule }) => [pointer, rule]);

  it('are refused by name, by type and by length', () => {
    expect(errors({ source: 'website', converted: 'true' })).toEqual([]);
    expect(errors({ 'a/b': 'x' })).toEqual([['/attributes/a~1b', 'allowList']]);
    expect(errors({ converted: true })).toEqual([['/attributes/converted', 'isString']]);
    expect(errors({ source: { deep: 'er' } })).toEqual([['/attributes/source', 'isString']]);
    expect(errors({ source: 'x'.repeat(257) })).toEqual([['/attributes/source', 'maxLength']]);
  });

  it('are refused with personal data in them, and the page with any in its path or with credentials', () => {
    expect(errors({ source: 'jane@example.com', locale: '+353 1 234 5678' })).toEqual([
      ['/attributes/source', 'personalData'],
      ['/attributes/locale', 'personalData'],
    ]);
    const page = (originPage: string) => errors({}, { originPage });
    const refused = (rule: string) => [['/channelContext/originPage', rule]];
    expect(page('https://example.com:8443/support/2026-11-22/1.2.3')).toEqual([]);
    expect(page('http://127.0.0.1:3000/support')).toEqual([]);
    expect(page('https://example.com/u/jane@example.com/orders')).toEqual(refused('personalData'));
    expect(page('https://example.com/u/jane%40example.com')).toEqual(refused('personalData'));
    expect(page('https://user:pass@example.com/')).toEqual(refused('credentials'));
    expect(page('https://jane@example.com/')).toEqual(refused('credentials'));
    expect(page('jane@example.com')).toEqual(refused('isUrl'));
    expect(page('mailto:jane@example.com')).toEqual(refused('isUrl'));
    for (const mended of [
      'https:///path',
      'https:path',
      'https://example.com\\path',
      ' https://example.com',
      'https://example.com/a b',
    ])
      expect(page(mended)).toEqual(refused('isUrl'));
  });

  it('that were there before stand in nobody’s way, whatever the allow-list says by now; all together they still have to fit', () => {
    const before = {
      attributes: { old: 'x', source: 'app' },
      channelContext: { originPage: 'https://example.com/1.2.3.4' },
    };
    const changed = (attributes: Record<string, unknown>) =>
      attributeErrors({ ...before, attributes: { ...before.attributes, ...attributes } }, allowed, before).map(
        ({ pointer, rule }) => [pointer, rule],
      );
    expect(changed({ source: 'website' })).toEqual([]);
    expect(changed({ old: 'y' })).toEqual([['/attributes/old', 'allowList']]);
    expect(changed({ locale: 'jane@example.com' })).toEqual([['/attributes/locale', 'personalData']]);
    const full = { attributes: {}, channelContext: { originPage: `https://example.com/${'x'.repeat(1_100)}` } };
    expect(attributeErrors({ ...full, attributes: { source: 'x'.repeat(200) } }, allowed, full)).toMatchObject([
      { pointer: '/attributes', rule: 'maxBytes' },
    ]);
  });

  it('are refused together when Genesys could not carry them', () => {
    expect(errors({ source: 'ä'.repeat(256) }, { originPage: `https://example.com/${'x'.repeat(900)}` })).toEqual([
      ['/attributes', 'maxBytes'],
    ]);
  });
});

describe('a page', () => {
  it.each([
    ['https://example.com/support', 'https://example.com/support'],
    ['https://example.com', 'https://example.com'],
    ['https://example.com?x=1', 'https://example.com'],
    ['https://example.com/a?x=1#y', 'https://example.com/a'],
    ['https://example.com/a#y?x=1\nz', 'https://example.com/a'],
  ])('%j is kept as %j', (given, kept) =>
    expect(withoutQuery({ originPage: given, campaignId: 'X' })).toEqual({ originPage: kept, campaignId: 'X' }),
  );

  it('that is absent or deleted stays so', () => {
    expect(withoutQuery({})).toEqual({});
    expect(withoutQuery({ originPage: null })).toEqual({ originPage: null });
  });
});

describe('the signature a page passes on', () => {
  const [key, other] = [randomBytes(32), randomBytes(32)];
  const guest = aGuest();
  const proof = widgetAttributes(guest, [key]);

  it('proves the guest under any key of the ring, until it expires', () => {
    expect(provesGuest(proof, guest.id, [key], now)).toBe(true);
    expect(provesGuest(proof, guest.id, [other, key], now)).toBe(true);
    expect(provesGuest(proof, guest.id, [key], new Date('2026-01-05T00:00:00.000Z'))).toBe(false);
  });

  it('proves nobody else, and nothing when touched', () => {
    const stranger = aGuest();
    expect(provesGuest(proof, stranger.id, [key], now)).toBe(false);
    expect(provesGuest({ ...proof, guestSessionId: stranger.id }, stranger.id, [key], now)).toBe(false);
    expect(provesGuest(proof, guest.id, [other], now)).toBe(false);
    const [expiry, signature] = proof['guestSignature']!.split('.');
    expect(provesGuest({ ...proof, guestSignature: `${Number(expiry) + 1}.${signature}` }, guest.id, [key], now)).toBe(
      false,
    );
    expect(provesGuest({ guestSessionId: guest.id }, guest.id, [key], now)).toBe(false);
    expect(provesGuest({ ...proof, guestSignature: '..' }, guest.id, [key], now)).toBe(false);
  });
});
