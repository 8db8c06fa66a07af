import { AppError } from '../../kernel/app-error.js';
import type { Crm, Crms } from './ports/crm.js';

export const crmNotFound = (id: string): AppError =>
  new AppError('not-found', 'crm.not_found', `There is no CRM ${id}, or it is not switched on.`);

export const deadLetterNotFound = (crm: string, guestId: string): AppError =>
  new AppError('not-found', 'crm.dead_letter_not_found', `${crm} has no dead letter of guest ${guestId}.`);

export const recordNotFound = (crm: string, guestId: string): AppError =>
  new AppError('not-found', 'crm.record_not_found', `${crm} is to hold nothing of guest ${guestId}.`);

export const previewUnsupported = (crm: string): AppError =>
  new AppError('conflict', 'crm.preview_unsupported', `The adapter of ${crm} cannot show its requests.`);

/** @throws AppError `crm.not_found` when it is not on */
export function crmNamed(crms: Crms, id: string): Crm {
  const crm = crms.all().find((one) => one.id === id);
  if (crm === undefined) throw crmNotFound(id);
  return crm;
}

export const cannotErase = (crm: string): AppError =>
  new AppError(
    'refused',
    'crm.cannot_erase',
    `The adapter of ${crm} cannot erase: it has to be done in the CRM itself.`,
  );

export const stillOnItsWay = (crm: string): AppError =>
  new AppError('unavailable', 'crm.still_on_its_way', `A call to ${crm} that carries the guest is on its way.`);

export const readUnsupported = (crm: string): AppError =>
  new AppError('conflict', 'crm.read_unsupported', `The adapter of ${crm} cannot read the CRM back.`);

export const reconciliationNotFound = (id: string): AppError =>
  new AppError('not-found', 'crm.reconciliation_not_found', `There is no reconciliation ${id}, or none any more.`);

export const reconciliationUnderWay = (crm: string): AppError =>
  new AppError(
    'conflict',
    'crm.reconciliation_under_way',
    `A reconciliation of ${crm} is under way: wait for its end.`,
  );

export const reconciliationUnfinished = (id: string): AppError =>
  new AppError('conflict', 'crm.reconciliation_unfinished', `Reconciliation ${id} has not come to its end.`);

export const reconciliationRepaired = (id: string): AppError =>
  new AppError('conflict', 'crm.reconciliation_repaired', `What reconciliation ${id} found is being repaired, or was.`);

export const reconciliationStale = (id: string): AppError =>
  new AppError(
    'conflict',
    'crm.reconciliation_stale',
    `Reconciliation ${id} is a day old, or there is a newer one: begin another.`,
  );
