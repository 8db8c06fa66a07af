/**
 * Personal data at rest. Each subject (`guest:<id>`, `origins:<month>`, `system:<what>`) has a key of its own, itself encrypted under the service's data keys.
 * Destroying that key makes everything sealed under it unreadable, wherever copies of it are.
 */
export abstract class Vault {
  /** Encrypts under the subject's key, which is made on first use. `place` says where the value belongs and is authenticated with it. */
  abstract seal(subject: string, place: string, plaintext: string): Promise<string>;
  /** Null when the subject's key was destroyed. @throws Error when the value was not sealed for this subject and place */
  abstract open(subject: string, place: string, sealed: string): Promise<string | null>;
  /** Those of the subjects that have a key which is not destroyed. */
  abstract holding(subjects: readonly string[]): Promise<string[]>;
  /**
   * Destroys the subject's key for good: `open` answers null from then on, and nothing can be sealed any more. Joins the current unit of work.
   * @throws Error for a `system:` subject: what the service itself needs is not destroyed
   */
  abstract destroy(subject: string): Promise<void>;
}
