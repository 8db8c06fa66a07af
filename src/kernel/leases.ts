/** Who may do a thing that only one process should do at a time. Held by a row, so a dead holder's lease just runs out. */
export abstract class Leases {
  /** True when this process now holds `name` for `ms`; renews what it already holds. */
  abstract take(name: string, ms: number): Promise<boolean>;
  /** Gives it up before it runs out. Nothing happens when another process has it. */
  abstract release(name: string): Promise<void>;
}
