import { AppError, errorCode } from '../../kernel/app-error.js';
import { DataSubjectRequests } from '../../modules/guest/index.js';
import { goingOn } from './platform-client.js';
import type { PlatformClient } from './platform-client.js';

/** The default is 25 and no limit is documented; clients of live organisations read a hundred. */
const PAGE_SIZE = 100;
/** How far behind ours a clock may be that dates a request. */
const SKEW_MS = 60_000;

/** `DataSubjectRequests` by the GDPR API. */
export class PlatformDataSubjectRequests extends DataSubjectRequests {
  constructor(
    private readonly platform: PlatformClient,
    readonly isOn: boolean,
  ) {
    super();
  }

  async eraseContact(contactId: string, since: Date | null): Promise<string> {
    const made = since === null ? null : await this.find(contactId, since);
    return made ?? (await this.make(contactId));
  }

  async outcomeOf(requestId: string): Promise<'under-way' | 'erased' | 'failed'> {
    try {
      const { status } = await this.platform.call('getGdprRequest', ({ gdpr }) => gdpr.getGdprRequest(requestId));
      if (status === 'COMPLETED') return 'erased';
      return status === 'ERROR' ? 'failed' : 'under-way';
    } catch (error) {
      if (errorCode(error) === 'genesys.not_found') return 'failed';
      throw error;
    }
  }

  /**
   * The list cannot be asked for a subject and has no documented order, so that only its last page says that there is none. One that slips
   * from page to page meanwhile costs a second request, which erases what is erased already.
   */
  private async find(contactId: string, since: Date): Promise<string | null> {
    const earliest = since.getTime() - SKEW_MS;
    const isIt = ({ requestType, subject, status, createdDate }: Listed): boolean =>
      requestType === 'GDPR_DELETE' &&
      subject?.externalContactId === contactId &&
      status !== 'ERROR' &&
      Date.parse(createdDate ?? '') >= earliest;
    for (let pageNumber = 1; ; pageNumber++) {
      const { entities = [], pageCount = Infinity } = await this.platform.call(
        'getGdprRequests',
        ({ gdpr }) => gdpr.getGdprRequests({ pageSize: PAGE_SIZE, pageNumber }),
        pageNumber === 1 ? {} : { turn: goingOn() },
      );
      const id = (entities as Listed[]).find(isIt)?.id;
      if (id !== undefined) return id;
      if (entities.length === 0 || pageNumber >= pageCount) return null;
    }
  }

  /** Nobody repeats this by itself: whether it was heard is seen in the list. */
  private async make(contactId: string): Promise<string> {
    const { id } = await this.platform.call('postGdprRequests', ({ gdpr }) =>
      gdpr.postGdprRequests(
        // The SDK's model wants what Genesys fills in as well.
        { requestType: 'GDPR_DELETE', subject: { externalContactId: contactId } } as never,
        { deleteConfirmed: true },
      ),
    );
    // It is in the list, where the next attempt finds it.
    if (id === undefined)
      throw new AppError('unavailable', 'genesys.unavailable', 'Genesys Cloud did not name the request.');
    return id;
  }
}

/** The fields of `GDPRRequest` we use; every one may be missing, whatever its type says. */
type Listed = {
  id?: string;
  requestType?: string;
  subject?: { externalContactId?: string };
  status?: string;
  createdDate?: string;
};
