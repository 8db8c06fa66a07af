export {
  GuestAbortedError,
  GuestConflictError,
  GuestForbiddenError,
  GuestManagerError,
  GuestNetworkError,
  GuestNotFoundError,
  GuestStateError,
  GuestThrottledError,
  GuestUnauthenticatedError,
  GuestUnavailableError,
  GuestValidationError,
} from './errors.js';
export type { FieldError, Problem } from './errors.js';
export type * from './guest.js';
export type * from './guest-transport.js';
export * from './guest-manager.js';
export type { HttpOptions } from './http-calls.js';
export * from './http-guest-transport.js';
