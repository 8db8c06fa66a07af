import { Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import type { Clock } from '../../kernel/clock.js';

/** How long what was not permitted is left alone: permissions are changed by people. */
const REST_MS = 60 * 60_000;

/** Calls an organisation need not permit. One that is refused for want of a permission switches its feature off for an hour. */
export class OptionalCalls {
  private readonly logger = new Logger('genesys');
  private readonly offUntil = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** Null when the feature is off, or is switched off by this. `permission`: for whoever may grant it. */
  async call<T>(feature: string, permission: string, work: () => Promise<T>): Promise<T | null> {
    const until = this.offUntil.get(feature);
    if (until !== undefined && until > this.clock.now().getTime()) return null;
    try {
      const answer = await work();
      if (this.offUntil.delete(feature)) this.logger.log('genesys permits it now', { feature });
      return answer;
    } catch (error) {
      if (errorCode(error) !== 'genesys.forbidden') throw error;
      if (until === undefined) this.logger.warn('genesys does not permit it', { feature, permission });
      this.offUntil.set(feature, this.clock.now().getTime() + REST_MS);
      return null;
    }
  }

  /** The features that are off. */
  off(): string[] {
    return [...this.offUntil.keys()];
  }
}
