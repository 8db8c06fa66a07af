import { masked } from './guest.masking.js';

describe('masking', () => {
  it('names what it changed, and changes nothing else', () => {
    const given = {
      mode: 'server',
      attributes: { source: 'ask jane@example.com', locale: 'en', converted: true },
      channelContext: { campaignId: 'WINTER-2024', originPage: 'https://example.com/u/+3531234567' },
    };
    expect(masked(given)).toEqual({
      given: {
        mode: 'server',
        attributes: { source: 'ask [email]', locale: 'en', converted: true },
        channelContext: { campaignId: 'WINTER-2024', originPage: 'https://example.com/u/%5Bphone%5D' },
      },
      pointers: ['/attributes/source', '/channelContext/originPage'],
    });
  });

  it('leaves a page a URL', () => {
    const page = (originPage: string) => masked({ channelContext: { originPage } }).given.channelContext.originPage;
    expect(page('https://example.com:8443/u/jane%40example.com/orders')).toBe(
      'https://example.com:8443/u/%5Bemail%5D/orders',
    );
    expect(page('http://127.0.0.1:3000/support')).toBe('http://127.0.0.1:3000/support');
    expect(page('https://jane@example.com/')).toBe('https://jane@example.com/');
  });

  it('has nothing to do with what is deleted or absent', () => {
    const patch = { attributes: { source: null }, channelContext: null };
    expect(masked(patch)).toEqual({ given: patch, pointers: [] });
    expect(masked({ channelContext: { originPage: null } }).pointers).toEqual([]);
    expect(masked({ attributes: null })).toEqual({ given: { attributes: null }, pointers: [] });
  });
});
