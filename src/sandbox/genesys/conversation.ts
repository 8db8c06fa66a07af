import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../json.js';
import type { Message } from './message.js';

export type Purpose = 'customer' | 'workflow' | 'agent';

/** Somebody's part in a conversation. The customer is the guest, the workflow is the bot. */
export type Participant = {
  readonly id: string;
  /** The id of the communication, which contacts are linked by. */
  readonly communicationId: string;
  readonly purpose: Purpose;
  readonly name: string;
  readonly startTime: string;
  endTime: string | null;
  disconnectType: string | null;
  attributes: Record<string, string>;
  externalContactId: string | null;
  journeyContext: JsonObject | null;
  readonly messages: Message[];
};

/** What notifications tell of. */
export type Change = 'customer.start' | 'customer.end' | 'attributes' | 'message';

/** How the platform names the end of a customer's part: by the guest, by the other side, through the API, because nobody wrote, or by time. */
export type EndedBy = 'endpoint' | 'peer' | 'client' | 'inactivity' | 'session.expired';

const names: Readonly<Record<Purpose, string>> = { customer: 'Guest', workflow: 'Sandbox bot', agent: 'Sandbox agent' };

/** One conversation of a guest's session. */
export class Conversation {
  readonly id = randomUUID();
  readonly startTime = new Date().toISOString();
  endTime: string | null = null;
  externalTag: string | null = null;
  readonly participants: Participant[] = [];
  readonly customer: Participant;

  constructor(
    /** The session it belongs to, by the number the sandbox gives sessions; never the token. */
    readonly sessionNumber: number,
    journeyContext: JsonObject | null,
    private readonly changed: (change: Change) => void,
  ) {
    this.customer = this.join('customer', journeyContext);
  }

  get state(): 'connected' | 'disconnected' {
    return this.endTime === null ? 'connected' : 'disconnected';
  }

  /** The participant of this purpose who is still in the conversation; whoever speaks first joins by it. */
  participant(purpose: Purpose): Participant {
    return (
      this.participants.find((each) => each.purpose === purpose && each.endTime === null) ?? this.join(purpose, null)
    );
  }

  /** Ends it for everybody who is still in it. */
  end(by: EndedBy): void {
    if (this.endTime !== null) return;
    const now = new Date().toISOString();
    this.endTime = now;
    for (const participant of this.participants) {
      if (participant.endTime !== null) continue;
      participant.endTime = now;
      participant.disconnectType = by === 'endpoint' && participant.purpose !== 'customer' ? 'peer' : by;
    }
    this.changed('customer.end');
  }

  /** Participant data is merged by name; the last write wins. */
  mergeAttributes(participant: Participant, attributes: Readonly<Record<string, string>>): void {
    participant.attributes = { ...participant.attributes, ...attributes };
    if (participant === this.customer) this.changed('attributes');
  }

  /** Takes an ended conversation up again, where the organisation threads messages into it. */
  resume(): void {
    this.endTime = null;
    this.customer.endTime = null;
    this.customer.disconnectType = null;
  }

  private join(purpose: Purpose, journeyContext: JsonObject | null): Participant {
    const participant: Participant = {
      id: randomUUID(),
      communicationId: randomUUID(),
      purpose,
      name: names[purpose],
      startTime: new Date().toISOString(),
      endTime: null,
      disconnectType: null,
      attributes: {},
      externalContactId: null,
      journeyContext,
      messages: [],
    };
    this.participants.push(participant);
    return participant;
  }
}
