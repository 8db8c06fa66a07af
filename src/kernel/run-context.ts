import { AsyncVariable } from './async-variable.js';

/** Who is acting and in the course of what: one HTTP request or one job run. Log lines and audit entries take it from here. */
export type RunContext = {
  /** Of the request or the job run. */
  readonly id: string;
  /**
   * `api-key:<name>`, `oidc:<hash of the subject>`, `widget:<guest id>`, `genesys`, `in-process` or `job:<name>`. Null until the caller has shown
   * who they are.
   */
  actor: string | null;
  /** Personal: only ever stored sealed. */
  readonly ipAddress?: string;
  readonly userAgent?: string;
};

const current = new AsyncVariable<RunContext>();

export const withRunContext = <T>(context: RunContext, work: () => T): T => current.run(context, work);

/** For a framework hook that continues by callback. */
export const enterRunContext = (context: RunContext, next: () => void): void => current.run(context, next);

export const runContext = (): RunContext | undefined => current.get();

/** The name an audit entry gives to whoever is acting now. */
export const currentActor = (): string => current.get()?.actor ?? 'system';
