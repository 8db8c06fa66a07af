import { AppError } from '../../kernel/app-error.js';
import type { FieldError } from '../../kernel/app-error.js';
import { MOST_ENDPOINTS } from './webhooks.js';

export const endpointNotFound = (id: string): AppError =>
  new AppError('not-found', 'webhook.endpoint_not_found', `There is no webhook endpoint ${id}.`);

export const deliveryNotFound = (id: string): AppError =>
  new AppError(
    'not-found',
    'webhook.delivery_not_found',
    `This endpoint has no delivery ${id}, or it is too old to be in the log.`,
  );

export const urlRefused = (message: string): AppError =>
  new AppError('invalid', 'webhook.url_refused', 'Nothing can be sent to this URL.', {
    errors: [{ pointer: '/url', rule: 'webhookUrl', message }],
  });

export const descriptionRefused = (fault: FieldError): AppError =>
  new AppError('invalid', 'request.invalid', 'The body is not valid: see errors.', { errors: [fault] });

export const tooManyEndpoints = (): AppError =>
  new AppError(
    'conflict',
    'webhook.too_many_endpoints',
    `There are ${MOST_ENDPOINTS} webhook endpoints already. Delete one first.`,
  );

export const endpointDisabled = (id: string): AppError =>
  new AppError(
    'conflict',
    'webhook.endpoint_disabled',
    `Webhook endpoint ${id} is disabled; nothing is sent to it. PATCH it with enabled: true first.`,
  );

export const deliveryWithdrawn = (id: string): AppError =>
  new AppError(
    'conflict',
    'webhook.delivery_withdrawn',
    `Delivery ${id} is about a guest who has withdrawn consent since; it is not sent again.`,
  );
