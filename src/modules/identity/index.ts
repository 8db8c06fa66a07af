export type { Identity, IdentityKey } from './identity.js';
export { IdentityService } from './identity.service.js';
export type { Claim, IdentitySettings } from './identity.service.js';
export { IdentityModule } from './identity.module.js';
