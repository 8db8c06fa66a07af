import type { JsonObject } from './json.js';

/** A request that is answered with an error. The edge gives it the shape its side of the house uses. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Further fields of the error body, for example Genesys's `limit`. */
    readonly fields: JsonObject = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}
