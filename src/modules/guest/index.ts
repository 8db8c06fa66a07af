export * from './attachment.js';
export * from './consent.js';
export * from './erasure.js';
export * from './guest.js';
export { guestNotFound, unknownEventId } from './guest.errors.js';
export * from './message.js';
export * from './ports/attachment.store.js';
export * from './ports/consent.source.js';
export * from './ports/consent.store.js';
export * from './ports/conversation-events.js';
export * from './ports/conversation-marks.js';
export * from './ports/conversation-notifications.js';
export * from './ports/conversation-records.js';
export * from './ports/conversations.js';
export * from './ports/data-subject-requests.js';
export * from './ports/erasure.store.js';
export * from './ports/guest-channel.js';
export * from './ports/guest-news.js';
export * from './ports/guest.store.js';
export * from './ports/message.store.js';
export * from './ports/session.store.js';
export * from './ports/widget-token.store.js';
export { GuestService } from './guest.service.js';
export type { Condition } from './guest.condition.js';
export type { WantedGuest } from './guest.service.js';
export { GuestSettings } from './guest.settings.js';
export { MessageService } from './message.service.js';
export * from './widget-token.js';
export { AttachmentPath, attachmentView } from './attachment.dto.js';
export { AttachmentService } from './attachment.service.js';
export {
  consentPageView,
  ConsentPath,
  consentView,
  RecordConsentBody,
  showingWhatStands,
  signedReceiptView,
  wantedConsent,
} from './consent.dto.js';
export { ConsentService } from './consent.service.js';
export { erasureView } from './erasure.dto.js';
export { ErasureService } from './erasure.service.js';
export { streamEvents } from './live.dto.js';
export { LiveService } from './live.service.js';
export { MakeWidgetTokenBody, widgetTokenView } from './widget-token.dto.js';
export { WidgetTokenService } from './widget-token.service.js';
export { GuestModule } from './guest.module.js';
export { GuestConflict } from './guest.conflict.js';
export { conditionOf, CreateGuestBody, guestPatch, PatchGuestBody, PatchQuery, wantedGuest } from './guest.dto.js';
export { guestView, shownConflict } from './guest.view.dto.js';
export { messagePageView, messageView, SendMessageBody, wordsOf } from './message.dto.js';
