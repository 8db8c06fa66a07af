import { randomUUID } from 'node:crypto';
import { isObject, type JsonObject } from '../json.js';

/** External contacts as identity resolution makes them of people nobody has made a contact of: one for each customer of a journey. */
export class EphemeralContacts {
  private byCustomer = new Map<string, string>();

  /** Null for whoever comes without a journey. */
  of(journeyContext: JsonObject | null): string | null {
    const customer = journeyContext?.['customer'];
    if (!isObject(customer) || typeof customer['id'] !== 'string') return null;
    const key = JSON.stringify([customer['idType'], customer['id']]);
    const contactId = this.byCustomer.get(key) ?? randomUUID();
    this.byCustomer.set(key, contactId);
    return contactId;
  }

  remove(contactId: string): void {
    for (const [key, id] of this.byCustomer) if (id === contactId) this.byCustomer.delete(key);
  }

  clear(): void {
    this.byCustomer.clear();
  }
}
