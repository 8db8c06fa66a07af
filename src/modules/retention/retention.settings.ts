export abstract class RetentionSettings {
  /** For how many days the data of each class is kept, by its name. */
  abstract readonly days: Readonly<Record<string, number>>;
}
