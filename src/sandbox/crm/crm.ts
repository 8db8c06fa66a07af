import type { FastifyInstance } from 'fastify';
import type { JsonObject } from '../json.js';

/** A CRM of the sandbox. Its routes live under `/crm/<name>`. */
export interface Crm {
  readonly name: string;
  /** What a client needs to connect, given where the sandbox listens. */
  connection(url: string): Readonly<Record<string, string>>;
  serve(app: FastifyInstance): void;
  /** What it holds now, one per record, oldest first. */
  records(): readonly JsonObject[];
  reset(): void;
}
