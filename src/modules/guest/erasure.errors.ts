import { AppError } from '../../kernel/app-error.js';

export const placeNotOpen = (erasureId: string, place: string): AppError =>
  new AppError(
    'conflict',
    'erasure.place_not_open',
    `Erasure ${erasureId} has no place ${place} that is open: only what is left to people can be done by hand.`,
  );

export const erasureNotFound = (id: string): AppError =>
  new AppError('not-found', 'erasure.not_found', `There is no erasure ${id}.`);
