export type Participant = {
  readonly purpose: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messages: readonly { readonly text: string }[];
};

export type Conversation = {
  readonly id: string;
  readonly state: string;
  readonly participants: readonly Participant[];
};

/** What Genesys Cloud and the CRM hold, seen through the sandbox's controls and not through our service. */
export class OtherSide {
  constructor(private readonly url: string) {}

  /** The conversation that carries this guest's id as participant data. */
  async conversationOf(guestId: string): Promise<Conversation | undefined> {
    const all = await this.read<Conversation[]>('/genesys/conversations');
    return all.find((conversation) => customerOf(conversation).attributes['guestSessionId'] === guestId);
  }

  /** An agent says something to the guest. */
  async agentSays(conversationId: string, text: string): Promise<void> {
    const answer = await fetch(`${this.url}/genesys/conversations/${conversationId}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, from: 'agent' }),
    });
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}`);
  }

  async crmRecordOf(guestId: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const all = await this.read<Record<string, unknown>[]>('/crm/rest/records');
    return all.find((record) => record['externalId'] === guestId);
  }

  /** Everything Genesys Cloud and the CRM have received, as text. */
  async received(): Promise<string> {
    return JSON.stringify(await this.read('/requests'));
  }

  private async read<T>(path: string): Promise<T> {
    const answer = await fetch(this.url + path);
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status} to ${path}`);
    return (await answer.json()) as T;
  }
}

const NOBODY: Participant = { purpose: 'nobody', attributes: {}, messages: [] };

export const participantOf = (conversation: Conversation, purpose: string): Participant =>
  conversation.participants.find((participant) => participant.purpose === purpose) ?? NOBODY;

export const customerOf = (conversation: Conversation): Participant => participantOf(conversation, 'customer');
