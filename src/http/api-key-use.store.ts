/** When each API key, by its name, was used last, by any process and before any restart. */
export abstract class ApiKeyUseStore {
  /** What is later is kept, whoever saves first. */
  abstract save(uses: ReadonlyMap<string, Date>): Promise<void>;
  abstract all(): Promise<ReadonlyMap<string, Date>>;
}
