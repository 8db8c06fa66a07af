import type { FastifyInstance } from 'fastify';
import type { JsonObject } from '../json.js';

/** A CRM of the sandbox. Its routes live under `/crm/<name>`, unless it is a part of Genesys Cloud. */
export interface Crm {
  readonly name: string;
  /** What a client needs to connect, given where the sandbox listens. */
  connection(url: string): Readonly<Record<string, string>>;
  /** The same as the environment of a service. */
  environment(url: string): Readonly<Record<string, string>>;
  serve(app: FastifyInstance): void;
  /** What it holds now, one per record, oldest first. */
  records(): readonly JsonObject[];
  reset(): void;
}
