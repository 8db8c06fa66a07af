import { AppError } from '../../kernel/app-error.js';

export const placeNotFound = (erasureId: string, place: string): AppError =>
  new AppError(
    'not-found',
    'erasure.place_not_found',
    `Erasure ${erasureId} has no place ${place}, or not yet: places are known when nothing is kept of the guest here any more.`,
  );

export const erasureNotFound = (id: string): AppError =>
  new AppError('not-found', 'erasure.not_found', `There is no erasure ${id}.`);
