/**
 * Erasure at Genesys Cloud, which knows data subjects and no guests: of a guest it is the external contact that its conversations were put with. All that
 * Genesys holds of that contact goes, in days (`GDPRRequest` of the Platform API).
 */
export abstract class DataSubjectRequests {
  /** Whether this organisation is to be asked at all (`GENESYS_ERASURE`). */
  abstract readonly isOn: boolean;
  /**
   * Asks for the erasure of all there is of an external contact, and answers the request's id. Where it may have been asked `since` then, and the
   * answer was lost, that request is looked for instead of making another; null when it was not.
   * @throws AppError `genesys.forbidden` when the organisation does not permit it; whatever keeps Genesys from answering
   */
  abstract eraseContact(contactId: string, since: Date | null): Promise<string>;

  /** What became of a request. One that nobody knows any more counts as failed. */
  abstract outcomeOf(requestId: string): Promise<'under-way' | 'erased' | 'failed'>;
}
