import type { SignedIn, SignInCode } from './ports/guest-channel.js';

/** What is secret of a server-led guest's session. */
export type SessionSecret = {
  readonly token: string;
  /** Of a guest who signs in: the code until it was turned into what it is good for. */
  readonly signIn?: SignInCode | SignedIn;
};

/** As it is sealed: the token alone, or with the rest as JSON. */
export const writtenSecret = ({ token, signIn }: SessionSecret): string =>
  signIn === undefined ? token : JSON.stringify({ token, signIn });

export const readSecret = (written: string): SessionSecret =>
  written.startsWith('{') ? (JSON.parse(written) as SessionSecret) : { token: written };

export const isSpent = (signIn: SignInCode | SignedIn): signIn is SignedIn => 'refreshToken' in signIn;

/** Where it stands in the vault. */
export const TOKEN_PLACE = 'session.token';
