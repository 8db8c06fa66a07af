import { AppError } from '../../kernel/app-error.js';

export const metricsNotFound = (guestId: string): AppError =>
  new AppError('not-found', 'metrics.guest_not_found', `Nothing was ever measured of a guest ${guestId}.`);
