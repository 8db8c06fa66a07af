/** What an application needs that runs the guest manager in its own process, and who writes an adapter for it. */
export { GuestManagerModule } from './guest-manager.module.js';
export type { GuestManagerAsyncOptions, GuestManagerOptions } from './guest-manager.module.js';

export * from './client/index.js';

// a CRM of your own
export { defineCrm } from './adapters/crm/define-crm.js';
export { meaningless, notTaken } from './adapters/crm/crm-failures.js';
export type { CrmAdapter, CrmDefinition } from './adapters/crm/define-crm.js';
export type { CrmAnswer, CrmCall, CrmHttp, CrmReply } from './adapters/crm/crm-http.js';
export type { Crm, CrmField, CrmPage, CrmRecord, CrmRequest, HeldRecord, Verdict } from './modules/crm-sync/index.js';

// a port answered by you
export { portProvider } from './ports.js';
export type { PortProvider } from './ports.js';
export { ConsentSource, Conversations, GuestChannel } from './modules/guest/index.js';
export type {
  Asking,
  ChannelEvent,
  ChannelSession,
  ConversationView,
  FileContent,
  FileSource,
  HeardFile,
  OutgoingFile,
  OutgoingMessage,
} from './modules/guest/index.js';
export type { Identity } from './modules/identity/index.js';
export { Clock } from './kernel/clock.js';
export { AppError } from './kernel/app-error.js';
export type { ErrorFacts, ErrorKind } from './kernel/app-error.js';
