/** A figure as it is when it is asked for; several values are told apart by their labels. Names as Prometheus wants them, with their unit. */
export type Measure = {
  readonly name: string;
  readonly help: string;
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
};

/** What whoever scrapes us is told of beside requests and the process. Labels name routes, CRMs and states, never a person. */
export abstract class Measures {
  abstract read(): Promise<readonly Measure[]>;
}
