export * from './addresses.js';
export * from './webhooks.js';
export { deliveryNotFound, deliveryWithdrawn, endpointNotFound } from './webhooks.errors.js';
export * from './ports/webhook.sender.js';
export * from './ports/webhook.store.js';
export { WebhooksService } from './webhooks.service.js';
export { WebhookSettings } from './webhooks.settings.js';
export { WebhooksModule } from './webhooks.module.js';
