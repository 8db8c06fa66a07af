import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import { guestClosed } from './guest.errors.js';
import { GuestStore } from './ports/guest.store.js';
import { WidgetTokenStore } from './ports/widget-token.store.js';
import { newWidgetToken, takesWidgets, widgetTokenDigest } from './widget-token.js';
import type { WidgetToken } from './widget-token.js';

/** A token as its page gets it: the only time it can be read. */
export type HandedOut = WidgetToken & { readonly token: string };

/** Tokens with which a page may act as one guest. */
@Injectable()
export class WidgetTokenService {
  constructor(
    private readonly guests: GuestStore,
    private readonly tokens: WidgetTokenStore,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /**
   * Those made before stay good until they expire.
   * @param seconds how long it lives
   * @throws AppError `guest.not_found`, `guest.closed`
   */
  make(guestId: string, origins: readonly string[], seconds: number): Promise<HandedOut> {
    const at = this.clock.now();
    const token = newWidgetToken();
    const kept: WidgetToken = {
      id: uuidv7(at.getTime()),
      digest: widgetTokenDigest(token)!,
      guestId,
      origins,
      expiresAt: new Date(at.getTime() + seconds * 1_000),
    };
    return this.work.run(async () => {
      const { state } = await this.guests.get(guestId);
      if (!takesWidgets(state)) throw guestClosed(guestId, state);
      await this.tokens.add(kept);
      await this.audit.record({
        subject: `guest:${guestId}`,
        event: 'WIDGET_TOKEN_MADE',
        changes: { tokenId: kept.id, origins, expiresAt: kept.expiresAt.toISOString() },
      });
      return { ...kept, token };
    });
  }

  /**
   * Idempotent. When this resolves no process lets any of the guest's tokens through.
   * @throws AppError `guest.not_found`
   */
  revokeAll(guestId: string): Promise<void> {
    return this.work.run(async () => {
      await this.guests.get(guestId);
      const revoked = await this.tokens.revokeAll(guestId, this.clock.now());
      if (revoked > 0)
        await this.audit.record({
          subject: `guest:${guestId}`,
          event: 'WIDGET_TOKENS_REVOKED',
          changes: { tokens: revoked },
        });
    });
  }
}
