import type { JsonObject } from '../../json.js';
import type { Limits } from '../limits.js';
import { GuestSession } from './guest-session.js';

/** The sessions by their tokens. A token that has expired stays known, so that it can be refused for what it is. */
export class GuestSessions {
  private sessions = new Map<string, GuestSession>();
  private numbered = new Map<number, GuestSession>();
  private expired = new Set<string>();
  private begun = 0;

  constructor(private readonly limits: Limits) {}

  begin(token: string, durationSeconds: number, journeyContext: JsonObject | null): GuestSession {
    this.begun += 1;
    const session = new GuestSession(token, this.begun, durationSeconds, journeyContext, this.limits);
    this.sessions.set(token, session);
    this.numbered.set(session.number, session);
    return session;
  }

  find(token: string): GuestSession | undefined {
    return this.sessions.get(token);
  }

  byNumber(number: number): GuestSession | undefined {
    return this.numbered.get(number);
  }

  /** The token is free again; whoever configures it next begins anew. */
  forget(session: GuestSession): void {
    this.numbered.delete(session.number);
    if (this.sessions.get(session.token) === session) this.sessions.delete(session.token);
  }

  expire(session: GuestSession): void {
    this.forget(session);
    this.expired.add(session.token);
  }

  isExpired(token: string): boolean {
    return this.expired.has(token);
  }

  clear(): void {
    this.sessions.clear();
    this.numbered.clear();
    this.expired.clear();
    this.begun = 0;
  }
}
