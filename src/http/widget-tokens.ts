import { Callers } from './callers.js';
import type { Caller, Confinement } from './callers.js';
import type { ScopeName } from './scopes.js';

/** All a page may do as its guest; a route has to say besides that widgets may call it. */
export const WIDGET_SCOPES = ['guest:read', 'guest:message'] as const satisfies readonly ScopeName[];

/** Widget tokens, kept by whoever knows guests. */
export abstract class WidgetTokens {
  /** What the token is good for at this moment. Null when it is none, has expired or was revoked, or its guest is over. */
  abstract find(token: string): Promise<Confinement | null>;
  /** Whether it has neither expired nor been revoked. A guest that is being closed makes no difference: its page may see the end. */
  abstract holds(token: string): Promise<boolean>;
}

/** Callers known by a widget token. The actor is the guest, not the token, so that a request repeated after rotation is a repeat. */
export class WidgetCallers extends Callers {
  constructor(private readonly tokens: WidgetTokens) {
    super();
  }

  async identify(token: string): Promise<Caller | null> {
    const only = await this.tokens.find(token);
    if (only === null) return null;
    return {
      actor: `widget:${only.guestId}`,
      may: (scope) => SCOPES.has(scope),
      only,
      holds: () => this.tokens.holds(token),
    };
  }
}

const SCOPES: ReadonlySet<string> = new Set(WIDGET_SCOPES);
