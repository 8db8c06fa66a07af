/** For how long what is kept. */
export abstract class RetentionSettings {
  /** Days, by the name of the data class. */
  abstract readonly days: Readonly<Record<string, number>>;
}
