import { AppError } from '../../kernel/app-error.js';

export const erasureNotFound = (id: string): AppError =>
  new AppError('not-found', 'erasure.not_found', `There is no erasure ${id}.`);
