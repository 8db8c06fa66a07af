import { AppError } from '../../kernel/app-error.js';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { newGuest } from './guest.js';
import type { Guest } from './guest.js';
import { guestView } from './guest.view.dto.js';
import type { GuestView } from './guest.view.dto.js';

const AT = new Date('2026-01-01T09:00:00.000Z');
const EMAIL_HASH = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';

/** The guest that the description of the API shows. */
export const EXAMPLE_GUEST: Guest = {
  ...newGuest(
    {
      id: EXAMPLE_ID,
      mode: 'server',
      consent: { marketing: false, dataProcessing: true },
      identity: {
        emailHash: EMAIL_HASH,
        phoneHash: null,
        deviceFingerprint: null,
        primaryIdentifier: EMAIL_HASH,
        resolutionMethod: 'email',
        keyId: 'k1',
      },
      channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
      deploymentId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    },
    AT,
  ),
  version: 2,
};

export const EXAMPLE_VIEW: GuestView = guestView(EXAMPLE_GUEST, {
  deploymentId: EXAMPLE_GUEST.deploymentId,
  environment: 'prod-euw1',
  attributeNames: ['source'],
  personalDataInText: 'refuse' as const,
  afterReadOnly: 'new-conversation' as const,
  widgetKeys: [],
  receiptKeys: [],
});

const refused = (code: string, detail: string, pointer: string, rule: string, message: string): AppError =>
  new AppError('invalid', code, detail, { errors: [{ pointer, rule, message }] });

export const identityInvalid = (): AppError =>
  refused('identity.invalid', 'The identifiers cannot be used.', '/email', 'email', 'must be an e-mail address');

export const attributesRefused = (): AppError =>
  refused(
    'guest.attributes_refused',
    'The attributes or the context cannot be taken.',
    '/attributes/shoeSize',
    'allowList',
    'is not on the list of attributes',
  );
