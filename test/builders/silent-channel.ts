import type { Typing } from '../../src/modules/guest/ports/guest-channel.js';
import { GuestChannel } from '../../src/modules/guest/ports/guest-channel.js';

/** A way to Genesys by which nobody is told anything. */
export class SilentChannel extends GuestChannel {
  listen(): void {}
  onTyping(_handler: (typing: Typing) => void): void {}
  types(_guestId: string): void {}
  async open(): Promise<void> {}
  async send(): Promise<never> {
    throw new Error('nothing is sent here');
  }
  fileRules() {
    return null;
  }
  async upload(): Promise<never> {
    throw new Error('nothing is uploaded here');
  }
  async end() {
    return 'nothing-to-end' as const;
  }
  async leave(): Promise<void> {}
  held(): string[] {
    return [];
  }
}
