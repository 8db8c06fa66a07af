import type { SignedIn, SignInCode } from '../../modules/guest/index.js';
import { exchange } from './exchange.js';
import { journeyContext, readSignIn } from './frames.js';
import { asAppError, signInRefused } from './genesys-errors.js';
import type { GenesysPlace } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';

const TIMEOUT_MS = 5_000;

/**
 * What a guest shows on the socket for a code its identity provider gave. The code is of no use afterwards.
 * @throws AppError `genesys.sign_in_refused` when the code is not taken; `unavailable` or `throttled`
 */
export async function exchanged(place: GenesysPlace, guestId: string, oauth: SignInCode): Promise<SignedIn> {
  const fields = { oauth: { ...oauth }, journeyContext: journeyContext(guestId) };
  const { jwt, refreshToken } = await post(place, 'oauthcodegrantjwtexchange', fields);
  if (refreshToken === null) throw signInRefused();
  return { jwt, refreshToken };
}

/**
 * Another one of those, when the last has ended.
 * @throws AppError `genesys.sign_in_refused` when the guest has to sign in again; `unavailable` or `throttled`
 */
export async function refreshed(place: GenesysPlace, refreshToken: string): Promise<string> {
  return (await post(place, 'refresh', { refreshToken })).jwt;
}

async function post(
  place: GenesysPlace,
  what: 'oauthcodegrantjwtexchange' | 'refresh',
  fields: object,
): Promise<{ readonly jwt: string; readonly refreshToken: string | null }> {
  try {
    const { data } = await exchange({
      called: 'sign-in',
      method: 'POST',
      url: `${genesysUrls(place).api}/api/v2/webdeployments/token/${what}`,
      headers: { 'Content-Type': 'application/json', Accept: 'application/json', Origin: place.origin },
      body: JSON.stringify({ deploymentId: place.deploymentId, ...fields }),
      timeoutMs: TIMEOUT_MS,
    });
    const signIn = readSignIn(data);
    if (signIn === null) throw signInRefused();
    return signIn;
  } catch (error) {
    throw asAppError(error);
  }
}
