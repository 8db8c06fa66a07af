export type { Identity, IdentityKey } from './identity.js';
