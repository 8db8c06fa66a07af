import { GuestChannel } from '../../src/modules/guest/ports/guest-channel.js';
import type {
  ChannelSession,
  FileContent,
  FileSource,
  OutgoingFile,
  OutgoingMessage,
  SignedIn,
  SignInCode,
  Typing,
} from '../../src/modules/guest/ports/guest-channel.js';

/** A way to Genesys by which nobody is told anything. */
export class SilentChannel extends GuestChannel {
  listen(): void {}
  async signIn(_guestId: string, _code: SignInCode): Promise<SignedIn> {
    return { jwt: 'jwt', refreshToken: 'refresh' };
  }
  onTyping(_handler: (typing: Typing) => void): void {}
  types(_guestId: string): void {}
  async open(_session: ChannelSession): Promise<void> {}
  async send(_session: ChannelSession, _message: OutgoingMessage): Promise<{ readonly key: string }> {
    throw new Error('nothing is sent here');
  }
  joins(): boolean | null {
    return false;
  }
  fileRules() {
    return null;
  }
  async upload(_session: ChannelSession, _file: OutgoingFile): Promise<{ readonly url: string | null }> {
    throw new Error('nothing is uploaded here');
  }
  async locate(): Promise<FileSource> {
    throw new Error('nothing is looked for here');
  }
  async download(_url: string): Promise<FileContent> {
    throw new Error('nothing is read here');
  }
  async end(_session: ChannelSession): Promise<'ended' | 'nothing-to-end' | 'unsupported'> {
    return 'nothing-to-end';
  }
  async leave(_guestId: string): Promise<void> {}
  held(): string[] {
    return [];
  }
}
