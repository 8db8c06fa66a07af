import type { Conversation } from './conversation.js';

const greeting = 'Hello! You are talking to the virtual assistant. What can I do for you?';
const answers = [
  'Thank you, I have noted that. Could you tell me a little more?',
  'I understand. Let me look into it for you.',
  'Thanks for the details. Is there anything else I should know?',
  'Good to know. Would you like me to bring in a colleague?',
] as const;

/** The flow behind the deployment: it greets who joins and answers every text, without ever repeating what the guest wrote. */
export class Bot {
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly delayMs: number,
    private readonly say: (conversation: Conversation, text: string) => void,
  ) {}

  greet(conversation: Conversation): void {
    this.soon(conversation, greeting);
  }

  answer(conversation: Conversation, heard: string): void {
    const turn = conversation.customer.messages.length;
    const inOrder = answers.map((_, index) => answers[(turn + index) % answers.length] ?? greeting);
    this.soon(conversation, inOrder.find((answer) => answer !== heard) ?? greeting);
  }

  /** Says nothing more of what it was about to say. */
  hush(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  private soon(conversation: Conversation, text: string): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (conversation.state === 'connected') this.say(conversation, text);
    }, this.delayMs).unref();
    this.timers.add(timer);
  }
}
