import { createHmac, randomBytes } from 'node:crypto';
import type { GuestSession } from './guest-session.js';

const SECONDS = 60;

/** The short-lived JSON web tokens a guest reads its history with. They name a session, never the guest's own token. */
export class GuestTickets {
  private readonly key = randomBytes(32);

  issue(session: GuestSession): { readonly jwt: string; readonly exp: number } {
    const exp = Math.floor(Date.now() / 1000) + SECONDS;
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ session: session.number, exp })}`;
    return { jwt: `${signed}.${this.sign(signed)}`, exp };
  }

  /** The number of the session a live ticket names, or null. */
  read(jwt: string): number | null {
    const [header, payload, signature] = jwt.split('.');
    if (header === undefined || payload === undefined || signature !== this.sign(`${header}.${payload}`)) return null;
    const { session, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
      session: number;
      exp: number;
    };
    return exp * 1000 > Date.now() ? session : null;
  }

  private sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64url');
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
