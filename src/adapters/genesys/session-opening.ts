import { errorCode } from '../../kernel/app-error.js';
import type { ChannelSession } from '../../modules/guest/index.js';
import { journeyContext, readSession } from './frames.js';
import type { SessionFrame } from './frames.js';
import type { GenesysPlace } from './genesys.settings.js';
import { refreshed } from './guest-sign-in.js';
import type { GuestSocket } from './guest-socket.js';

export type Opened = SessionFrame & {
  /** The session was begun anew, after a conversation that was ended for reading only. */
  readonly isAnew: boolean;
};

/** As often as the official client tries with another token. */
const SIGN_IN_ATTEMPTS = 3;

/** How a socket becomes a session's: by the same token on every socket, which is what makes it the same session. */
export class SessionOpening {
  readonly isSignedIn: boolean;
  readonly #token: string;
  readonly #refreshToken: string;
  #jwt: string;
  private readonly guestId: string;
  private isLapsed = false;
  private busy = false;
  private anew = false;

  constructor(
    { guestId, token, signedIn }: ChannelSession,
    private readonly place: GenesysPlace,
    private readonly answerMs: number,
  ) {
    this.guestId = guestId;
    this.isSignedIn = signedIn !== undefined;
    this.#token = token;
    this.#jwt = signedIn?.jwt ?? '';
    this.#refreshToken = signedIn?.refreshToken ?? '';
  }

  /** A socket is being made the session's. */
  get isOpening(): boolean {
    return this.busy;
  }

  /** All connections of the session are being closed, by us. */
  get isBeginningAnew(): boolean {
    return this.anew;
  }

  /** What the guest has signed in with is not taken any more: another is got before the next socket is configured. */
  lapsed(): void {
    this.isLapsed = true;
  }

  /**
   * Configures the session on a socket. `mayBeginAnew`: when nothing may be said in it any more, all its connections are closed, and it is begun anew
   * on this one, in the order in which the official client does so; never a session in which somebody may go on.
   * @throws AppError; `genesys.sign_in_refused` when the guest would have to sign in again
   */
  async open(socket: GuestSocket, mayBeginAnew: boolean): Promise<Opened> {
    this.busy = true;
    try {
      const found = await this.configure(socket, false);
      if (!found.readOnly || !mayBeginAnew) return { ...found, isAnew: false };
      this.anew = true;
      const closing = { action: 'closeSession', token: this.#token, closeAllConnections: true };
      await socket.request(closing, ['SessionResponse'], this.answerMs);
      return { ...(await this.configure(socket, true)), isAnew: true };
    } finally {
      this.busy = this.anew = false;
    }
  }

  private async configure(socket: GuestSocket, startNew: boolean): Promise<SessionFrame> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.configureOnce(socket, startNew);
      } catch (error) {
        const mayHelp = this.isSignedIn && errorCode(error) === 'genesys.unauthenticated';
        if (!mayHelp || attempt === SIGN_IN_ATTEMPTS) throw error;
        this.isLapsed = true;
      }
    }
  }

  private async configureOnce(socket: GuestSocket, startNew: boolean): Promise<SessionFrame> {
    if (this.isLapsed) {
      this.#jwt = await refreshed(this.place, this.#refreshToken);
      this.isLapsed = false;
    }
    const { deploymentId } = this.place;
    const request = {
      ...{ action: 'configureSession', token: this.#token, deploymentId, startNew },
      journeyContext: journeyContext(this.guestId),
      ...(this.isSignedIn ? { action: 'configureAuthenticatedSession', data: { code: this.#jwt } } : {}),
    };
    return readSession((await socket.request(request, ['SessionResponse'], this.answerMs)).body);
  }
}
