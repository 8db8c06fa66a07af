export type { Identity, IdentityKey } from './identity.js';
export { IdentityService } from './identity.service.js';
export type { Claim, IdentitySettings } from './identity.service.js';
export { maskPersonalData } from './personal-data.mask.js';
export { LEAVE_OUT, personalDataError, personalDataIn } from './personal-data.js';
export type { PersonalData } from './personal-data.js';
export { IdentityModule } from './identity.module.js';
