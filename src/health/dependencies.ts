/** Something we cannot do all our work without. */
export type Dependency = {
  /** As it is called in answers and log lines: `storage`, `genesys`, `crm/rest`. */
  readonly name: string;
  /** Without it no request can be served, so that readiness depends on it. */
  readonly critical: boolean;
  /** Resolves when it answers. Rejects when it does not, or says no. */
  ping(signal: AbortSignal): Promise<unknown>;
};

export abstract class Dependencies {
  abstract all(): readonly Dependency[];
}
