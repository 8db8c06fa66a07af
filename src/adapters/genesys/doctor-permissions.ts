import { randomUUID } from 'node:crypto';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type { Finding } from './finding.js';
import type { GenesysUses } from './genesys.settings.js';
import { openChannel, subscribe, TOPIC_PERMISSION } from './notification-channels.js';
import type { PlatformApis, PlatformClient } from './platform-client.js';
import { topicsOf } from './platform-notifications.js';

/** What our OAuth client must be allowed to do, and a call that shows whether it is and can hit nothing: its ids are made up. */
type Permission = {
  readonly name: string;
  readonly feature: string;
  readonly probe: (apis: PlatformApis) => Promise<unknown>;
};

/** Names as the SDK's documentation states them by method; one of several is enough. */
const PERMISSIONS: readonly Permission[] = [
  {
    name: 'conversation:message:view or conversation:webmessaging:view',
    feature:
      'linking guests with their conversations, and all that needs the link: updates, and closing widget-led guests',
    probe: ({ conversations }) => conversations.getConversationsMessageDetails(randomUUID()),
  },
  {
    name: 'to read conversations (none is documented)',
    feature: 'linking guests with their conversations, and telling what became of them',
    probe: ({ conversations }) => conversations.getConversationsMessage(randomUUID()),
  },
  {
    name: 'to write participant data (none is documented)',
    feature: 'updates: attributes and measures in participant data, for flows and agents',
    probe: ({ conversations }) =>
      conversations.patchConversationParticipantAttributes(randomUUID(), randomUUID(), { attributes: {} }),
  },
  {
    name: 'conversation:communication:disconnect',
    feature: 'closing widget-led guests, and server-led ones where the deployment has no Conversation Clear',
    probe: ({ conversations }) =>
      conversations.patchConversationsMessage(randomUUID(), { state: 'disconnected' } as never),
  },
  {
    name: 'conversation:externalTag:edit',
    feature: 'finding a guest’s conversations in analytics by its id',
    probe: ({ conversations }) => conversations.putConversationTags(randomUUID(), { externalTag: randomUUID() }),
  },
  {
    name: 'analytics:conversationDetail:view',
    feature: 'asking what became of many silent guests in one call: they are asked for one by one, and later',
    probe: ({ analytics }) => analytics.getAnalyticsConversationsDetails({ id: [randomUUID()] }),
  },
  {
    name: 'conversation:participant:attributesview',
    feature: 'finding conversations of widget-led guests that nobody has told us of',
    probe: ({ conversations }) => conversations.postConversationsParticipantsAttributesSearch(anInstantAgo()),
  },
  {
    name: 'audits:audit:view',
    feature: 'GET /v1/audit/platform: reading the audit of Genesys Cloud',
    probe: ({ audits }) => audits.getAuditsQueryServicemapping(),
  },
];

/** Where guests are kept as external contacts (`genesys-contacts`). Nobody's contact is read, written or deleted: there is nothing in what is asked, or nobody by its id. */
const contactPermissions = (contactSourceId: string): readonly Permission[] => [
  {
    name: 'externalContacts:contact:enrich',
    feature: 'keeping guests as external contacts: the CRM genesys-contacts holds every record back',
    probe: ({ contacts }) => contacts.postExternalcontactsBulkContactsEnrich({ entities: [] }, { dryRun: true }),
  },
  {
    name: 'externalContacts:contact:view',
    feature: 'putting conversations with the guest’s contact, and comparing contacts with guests',
    probe: ({ contacts }) =>
      contacts.postExternalcontactsIdentifierlookupContacts({
        type: 'ExternalId',
        value: randomUUID(),
        externalSource: { id: contactSourceId } as never,
      }),
  },
  {
    name: 'relate:contact:delete or externalContacts:contact:delete',
    feature: 'erasing guests: their contacts stay until somebody deletes them',
    // It can hit nobody: an id made up at this moment is no contact's. Who may delete is told so (404), who may not is told that first (403).
    probe: ({ contacts }) => contacts.deleteExternalcontactsContact(randomUUID()),
  },
  {
    name: 'externalContacts:customFields:view',
    feature: 'knowing which fields contacts have: the CRM genesys-contacts holds every record back',
    probe: ({ contacts }) => contacts.getExternalcontactsContactsSchema(randomUUID()),
  },
  {
    name: 'conversation:communication:view',
    feature: 'putting conversations with the guest’s contact',
    probe: ({ conversations }) => conversations.getConversation(randomUUID()),
  },
  {
    name: 'relate:conversation:associate or externalContacts:conversation:associate',
    feature: 'putting conversations with the guest’s contact',
    probe: ({ contacts }) => contacts.putExternalcontactsConversation(...nobodysAssociation()),
  },
];

/** Where Genesys is asked to erase (`GENESYS_ERASURE=request`). */
const ERASURE_PERMISSION: Permission = {
  name: 'gdpr:request:view',
  feature:
    'erasing guests at Genesys Cloud: it is asked for no erasure, as nobody could tell whether it was asked before',
  probe: ({ gdpr }) => gdpr.getGdprRequest(randomUUID()),
};

/** Said, because the probe for it would be an erasure. */
const UNPROBED: Finding = {
  about: 'permission',
  verdict: 'fine',
  says: 'Whether the OAuth client has the permission gdpr:request:add cannot be found out without asking for an erasure: the first guest who is erased at Genesys Cloud shows it.',
};

function nobodysAssociation() {
  const [conversationId, communicationId, externalContactId] = [randomUUID(), randomUUID(), randomUUID()];
  return [conversationId, { conversationId, communicationId, mediaType: 'MESSAGE', externalContactId }] as const;
}

/** What began a moment ago: as little as can be searched. */
function anInstantAgo() {
  const [startValue, endValue] = [Date.now() - 1_000, Date.now()].map((at) => new Date(at).toISOString());
  return { query: [{ type: 'DATE_RANGE', fields: ['startTime'], startValue: startValue!, endValue: endValue! }] };
}

/** One finding for all that are there, one for each that is not, and one for what cannot be asked. */
export async function permissionFindings(
  platform: PlatformClient,
  { contactSourceId, notifications, erasure }: GenesysUses,
): Promise<Finding[]> {
  const missing: Finding[] = [];
  const wanted = [
    ...PERMISSIONS,
    ...(contactSourceId === null ? [] : contactPermissions(contactSourceId)),
    ...(erasure === 'request' ? [ERASURE_PERMISSION] : []),
  ];
  const outcomes = [];
  for (const { name, feature, probe } of wanted)
    outcomes.push({ name, feature, ...(await outcome(platform.call('permission probe', probe))) });
  if (notifications) outcomes.push(await topicOutcome(platform));
  for (const { name, feature, code } of outcomes) {
    if (ANSWERS.includes(code)) continue;
    const says =
      code === 'genesys.forbidden'
        ? `The OAuth client lacks the permission ${name}: give it a role that holds it, in the divisions of the deployment.`
        : `Whether the OAuth client has the permission ${name} could not be found out (${code}).`;
    missing.push({ about: 'permission', verdict: 'costs', says, feature });
  }
  const says = 'The OAuth client has the permissions we use.';
  const found: Finding[] = missing.length > 0 ? missing : [{ about: 'permission', verdict: 'fine', says }];
  return erasure === 'request' ? [...found, UNPROBED] : found;
}

/** Whoever may do it is told that there is nothing by this id. */
const ANSWERS = ['done', 'genesys.not_found', 'genesys.bad_request'];

async function outcome(asked: Promise<unknown>): Promise<{ readonly code: string; readonly missing?: unknown }> {
  try {
    await asked;
    return { code: 'done' };
  } catch (error) {
    return { code: errorCode(error), ...(error instanceof AppError ? { missing: error.extra['missing'] } : {}) };
  }
}

/** Only a subscription shows whether a topic is permitted, and names what is missing. A channel nobody is connected to is the first to be put out. */
async function topicOutcome(platform: PlatformClient) {
  const asked = openChannel(platform).then(({ id }) => subscribe(platform, id, topicsOf(randomUUID())));
  const { code, missing } = await outcome(asked);
  const name = Array.isArray(missing) ? missing.join(', ') : TOPIC_PERMISSION;
  const feature =
    'notifications: ends of widget-led guests’ conversations are learnt of by reconciliation alone, later';
  return { name, feature, code };
}
