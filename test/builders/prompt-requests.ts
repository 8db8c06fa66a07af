import { DataSubjectRequests } from '../../src/modules/guest/ports/data-subject-requests.js';

/** A Genesys Cloud that erases at once what it is asked to, and was asked as `contacts` says. */
export class PromptRequests extends DataSubjectRequests {
  readonly isOn: boolean = true;
  readonly contacts: string[] = [];
  outcome: 'under-way' | 'erased' | 'failed' = 'erased';
  async eraseContact(contactId: string): Promise<string> {
    this.contacts.push(contactId);
    return `request-${this.contacts.length}`;
  }
  async outcomeOf(_requestId: string): Promise<'under-way' | 'erased' | 'failed'> {
    return this.outcome;
  }
}
