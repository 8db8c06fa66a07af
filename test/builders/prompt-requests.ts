import { AppError } from '../../src/kernel/app-error.js';
import { DataSubjectRequests } from '../../src/modules/guest/ports/data-subject-requests.js';

/** A Genesys Cloud that erases at once what it is asked to, unless it is said to fail, and was asked as `contacts` says. */
export class PromptRequests extends DataSubjectRequests {
  isOn = true;
  readonly contacts: string[] = [];
  outcome: 'under-way' | 'erased' | 'failed' = 'erased';
  fault: Error | null = null;
  answerIsLost = false;
  /** What was said each time of whether it may have been asked before. */
  readonly since: (Date | null)[] = [];
  async eraseContact(contactId: string, since: Date | null): Promise<string> {
    if (this.fault !== null) throw this.fault;
    this.contacts.push(contactId);
    this.since.push(since);
    if (this.answerIsLost) throw new AppError('unavailable', 'genesys.silent', 'No answer.');
    return `request-${this.contacts.length}`;
  }
  async outcomeOf(_requestId: string): Promise<'under-way' | 'erased' | 'failed'> {
    return this.outcome;
  }
}
