import { rest } from './rest.crm.js';
import type { CrmAdapter } from './define-crm.js';

/** Every CRM there is an adapter for. `CRMS` says which are on. */
export const crmAdapters: readonly CrmAdapter[] = [rest];
