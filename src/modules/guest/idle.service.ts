import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { GuestChanges } from './guest.changes.js';
import { afterIdling } from './guest.idle.js';
import type { Idleness } from './guest.idle.js';
import { IdleSettings } from './guest.settings.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';

/** How many guests are looked at together, each in a unit of its own. */
const BATCH = 100;
/** More than this is left to the next run. */
const BATCHES = 100;

/** Closes guests to whom nothing happens any more. */
@Injectable()
export class IdleService {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly messages: MessageStore,
    private readonly changes: GuestChanges,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: IdleSettings,
  ) {}

  /** Ends who has been idle for too long, and says how many that were. */
  async sweep(leaving?: AbortSignal): Promise<number> {
    const { idleMs } = this.settings;
    if (idleMs === 0) return 0;
    let ended = 0;
    for (let batch = 0; batch < BATCHES && leaving?.aborted !== true; batch++) {
      const ids = await this.guests.idle(new Date(this.clock.now().getTime() - idleMs), BATCH);
      const outcomes = await Promise.allSettled(ids.map((id) => this.look(id)));
      const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
      ended += outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === 'ended').length;
      if (failures.length > 0)
        this.logger.error('idle guests not closed yet', {
          guests: failures.length,
          error: failures[0]!.reason as unknown,
        });
      if (ids.length < BATCH || failures.length === ids.length) break;
    }
    if (ended > 0) this.logger.log('idle guests ended', { guests: ended });
    return ended;
  }

  /** Decided under the guest's lock: whatever happened to it until then counts. */
  private look(id: string): Promise<Idleness['is']> {
    return this.work.run(async () => {
      const lastAccepted = (await this.messages.queued(id)).at(-1)?.at ?? null;
      const now = this.clock.now();
      let found: Idleness = { is: 'over' };
      await this.changes.change(
        id,
        (known) => {
          found = afterIdling(known, lastAccepted, this.settings.idleMs, now);
          return found.is === 'ended' ? found.guest : known;
        },
        (before, { state, closeReason }) => ({
          event: state === 'expired' ? 'GUEST_EXPIRED' : 'GUEST_CLOSING',
          changes: { from: before.state, closeReason },
        }),
      );
      const idleness = found as Idleness;
      if (idleness.is === 'awake') await this.guests.putOff(id, idleness.again);
      return idleness.is;
    });
  }
}
