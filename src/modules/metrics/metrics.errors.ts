import { AppError } from '../../kernel/app-error.js';

export const metricsNotFound = (guestId: string): AppError =>
  new AppError('not-found', 'guest.not_found', `There is no guest ${guestId}.`);
