import { DataSubjectRequests } from '../../src/modules/guest/ports/data-subject-requests.js';

/** A Genesys Cloud that erases at once what it is asked to, unless it is said to fail, and was asked as `contacts` says. */
export class PromptRequests extends DataSubjectRequests {
  isOn = true;
  readonly contacts: string[] = [];
  outcome: 'under-way' | 'erased' | 'failed' = 'erased';
  fault: Error | null = null;
  async eraseContact(contactId: string): Promise<string> {
    if (this.fault !== null) throw this.fault;
    this.contacts.push(contactId);
    return `request-${this.contacts.length}`;
  }
  async outcomeOf(_requestId: string): Promise<'under-way' | 'erased' | 'failed'> {
    return this.outcome;
  }
}
