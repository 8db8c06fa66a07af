/** What a caller is confined to beside its scopes: one guest, asked for by pages of these origins. */
export type Confinement = { readonly guestId: string; readonly origins: readonly string[] };

export type Caller = {
  /** As it stands in log lines and the audit trail: `api-key:<name>`, `widget:<guest id>`, `oidc:<hash>`. */
  readonly actor: string;
  readonly may: (scope: string) => boolean;
  /** Absent for callers who may do what their scopes say wherever they are. */
  readonly only?: Confinement;
  /** Whether the token is still good for what it was let in to: asked while an answer goes on for long. Absent for tokens that stay good. */
  readonly holds?: () => Promise<boolean>;
};

const letIn = new WeakMap<object, Caller>();

/** Remembers for as long as the request lives who sent it. */
export const remember = (request: object, caller: Caller): void => void letIn.set(request, caller);

/** Who was let in with this request; undefined on open routes. */
export const callerBehind = (request: object): Caller | undefined => letIn.get(request);

/** Who somebody is, by the bearer token they showed. */
export abstract class Callers {
  /**
   * Null when the token is nobody's. Says nothing by the time it takes about how much of a token was right.
   * @throws AppError of kind `unavailable` when whoever could tell cannot be asked now
   */
  abstract identify(token: string): Promise<Caller | null> | Caller | null;
}

/** Asks one after the other until somebody knows the token. */
export class AnyOf extends Callers {
  constructor(private readonly callers: readonly Callers[]) {
    super();
  }

  async identify(token: string): Promise<Caller | null> {
    for (const callers of this.callers) {
      const caller = await callers.identify(token);
      if (caller !== null) return caller;
    }
    return null;
  }
}
