import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../kernel/app-error.js';
import { Clock } from '../kernel/clock.js';
import { runContext } from '../kernel/run-context.js';
import { isSigned, TOLERANCE_SECONDS } from '../kernel/signature.js';
import { Denials } from './access-log.js';
import { Quotas } from './quotas.js';
import { quotaExceeded, rateLimitHeaders } from './rate-limit.js';
import { rawBodyOf } from './raw-body.js';

/** The secrets of those who sign what they send us, newest first. */
export abstract class SigningSecrets {
  /** `whsec_` and base64. Empty: nobody's signature is believed. */
  abstract readonly secrets: readonly string[];
}

export const badSignature = (): AppError =>
  new AppError(
    'unauthenticated',
    'auth.signature_wrong',
    `Sign the request by Standard Webhooks: webhook-id, webhook-timestamp within ${TOLERANCE_SECONDS} seconds of now, and webhook-signature over id.timestamp.body with a secret we know.`,
    { extra: { challenge: 'realm="webhook-signature"' } },
  );

/** Lets signed requests through, and nobody else. */
@Injectable()
export class Signatures {
  constructor(
    private readonly known: SigningSecrets,
    private readonly quotas: Quotas,
    private readonly denials: Denials,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `auth.signature_wrong`, `http.quota_exceeded` */
  async check(request: FastifyRequest, reply: FastifyReply, route: string): Promise<void> {
    if (isSigned(signedRequest(request), this.known.secrets, this.clock.now())) {
      const run = runContext();
      if (run) run.actor = 'genesys-events';
      return;
    }
    const standing = this.quotas.ofStranger(request.ip);
    if (standing !== null) {
      void reply.headers(rateLimitHeaders(this.quotas.quota!, standing));
      if (standing.isOver) {
        await this.denials.note(null, 'over-quota', route);
        throw quotaExceeded(this.quotas.quota!, standing);
      }
    }
    await this.denials.note(null, 'bad-signature', route);
    throw badSignature();
  }
}

const signedRequest = (request: FastifyRequest) => {
  const header = (name: string): string => [request.headers[name]].flat().join(' ');
  return {
    id: header('webhook-id'),
    timestamp: header('webhook-timestamp'),
    signatures: header('webhook-signature'),
    body: rawBodyOf(request),
  };
};
