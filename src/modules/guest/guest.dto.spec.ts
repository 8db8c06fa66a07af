import { instanceOf, keepsAllRules } from '../../http/shape.js';
import { CreateGuestBody, PatchGuestBody } from './guest.dto.js';

describe('what a guest is made and changed with', () => {
  it('is checked the short way when nothing is wrong with it', () => {
    const wanted = {
      mode: 'widget',
      channel: 'webmessaging',
      email: 'user@example.com',
      phone: '+353 1 234 5678',
      deviceFingerprint: 'f1',
      identityAttributes: { scheme: 'crm-2024' },
      consent: { marketing: false, dataProcessing: true },
      channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
    };
    const patch = { consent: { marketing: true }, channelContext: null, attributes: { source: null } };
    expect(keepsAllRules(instanceOf(CreateGuestBody, wanted))).toBe(true);
    expect(keepsAllRules(instanceOf(PatchGuestBody, patch))).toBe(true);
  });
});
