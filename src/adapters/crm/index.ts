import type { CrmAdapter } from './define-crm.js';
import { genesysContacts } from './genesys-contacts.crm.js';
import type { GenesysContacts } from './genesys-contacts.crm.js';
import { hubspot } from './hubspot.crm.js';
import { rest } from './rest.crm.js';
import { salesforce } from './salesforce.crm.js';

/** Every CRM there is an adapter for. `CRMS` says which are on. */
export const crmAdapters = (contacts: GenesysContacts): readonly CrmAdapter[] => [
  rest,
  salesforce,
  hubspot,
  genesysContacts(contacts),
];
