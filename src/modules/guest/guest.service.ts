import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AppError } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { IdentityService } from '../identity/index.js';
import type { Claim } from '../identity/index.js';
import { consentNotLive } from './consent.errors.js';
import { attributeErrors, withoutQuery } from './guest.attributes.js';
import { GuestChanges } from './guest.changes.js';
import { checkCondition, checkVersion } from './guest.condition.js';
import type { Condition } from './guest.condition.js';
import { consentRequired, widgetSignsInItself } from './guest.errors.js';
import { masked } from './guest.masking.js';
import { closing, newGuest } from './guest.js';
import type { Attributes, ChannelContext, Consent, Guest, Mode } from './guest.js';
import { patched, pointersOfChange, takenIn } from './guest.patch.js';
import type { GuestPatch } from './guest.patch.js';
import { GuestSettings } from './guest.settings.js';
import { ConsentSource } from './ports/consent.source.js';
import type { SignInCode } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';
import type { GuestPage, GuestQuery } from './ports/guest.store.js';
import { SessionStore } from './ports/session.store.js';
import { TOKEN_PLACE, writtenSecret } from './session.secret.js';

export type WantedGuest = Claim & {
  readonly mode: Mode;
  readonly consent: Consent;
  readonly channelContext: ChannelContext;
  readonly attributes: Attributes;
  /** Of somebody who has signed in at the page. */
  readonly authenticate?: SignInCode;
};

/** What can be asked of guests. */
@Injectable()
export class GuestService {
  constructor(
    private readonly guests: GuestStore,
    private readonly sessions: SessionStore,
    private readonly identities: IdentityService,
    private readonly consents: ConsentSource,
    private readonly changes: GuestChanges,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: GuestSettings,
  ) {}

  /**
   * @throws AppError `consent.required`, `identity.invalid`, `guest.attributes_refused`, `guest.widget_signs_in_itself`
   */
  async create(wanted: WantedGuest): Promise<Guest> {
    if (wanted.mode === 'widget' && wanted.authenticate !== undefined) throw widgetSignsInItself();
    if (!wanted.consent.dataProcessing) throw consentRequired();
    const identity = this.identities.identify(wanted);
    const consent = this.consents.consentOf({ identity, declared: wanted.consent });
    if (!consent.dataProcessing) throw consentRequired();
    const { mode } = wanted;
    const { given, pointers } = this.minimised(wanted);
    const { attributes, channelContext } = given;
    this.checkAttributes({ attributes, channelContext });
    const at = this.clock.now();
    const guest = newGuest(
      {
        id: uuidv7(at.getTime()),
        mode,
        consent,
        channelContext,
        attributes,
        identity,
        deploymentId: this.settings.deploymentId,
      },
      at,
    );
    const dropped = (['email', 'phone'] as const).filter((name) => wanted[name] !== undefined);
    return this.work.run(async () => {
      await this.guests.add(guest);
      if (mode === 'server') await this.addSession(guest.id, wanted.authenticate);
      await this.changes.made(null, guest, {
        event: 'GUEST_CREATED',
        changes: {
          mode,
          consent,
          resolutionMethod: guest.identity.resolutionMethod,
          dropped,
          ...(pointers.length > 0 ? { masked: pointers } : {}),
          ...(wanted.authenticate === undefined ? {} : { signsIn: true }),
        },
        complianceFlags: {
          gdprApplicable: guest.identity.primaryIdentifier !== null || guest.identity.deviceFingerprint !== null,
          dataMinimized: dropped.length > 0 || pointers.length > 0,
        },
      });
      return guest;
    });
  }

  /** @throws AppError `guest.not_found` */
  get(id: string): Promise<Guest> {
    return this.guests.get(id);
  }

  /** @throws AppError `request.invalid` for a cursor of another list */
  list(query: GuestQuery): Promise<GuestPage> {
    return this.guests.list(query);
  }

  /**
   * Merges a patch. One whose every change is in place already succeeds whatever the version is: its answer was lost, not its effect (RFC 9110
   * §13.1.1). Against a base it is a conflict if others changed the same since, though to the same: two who merge a count from 5 to 6 have
   * counted once; there an `Idempotency-Key` tells a repeat.
   * @throws AppError `guest.not_found`, `guest.closed`, `consent.required`, `guest.attributes_refused`; `guest.version_mismatch`,
   *   `guest.overlapping_change` or `guest.unknown_base`, which carry the current guest and the JSON pointers that really conflict
   */
  patch(id: string, wanted: GuestPatch, condition: Condition): Promise<Guest> {
    const { given: patch, pointers } = this.minimised(wanted);
    return this.changes.change(
      id,
      (known) => {
        const after = patched(known, patch, this.clock.now());
        if (after !== known || condition.type === 'base') checkCondition(known, patch, condition);
        if (after === known) return known;
        // Without consent nothing more is taken in; what is there may still be taken away. Whoever withdraws is never refused for what comes with it.
        const isWithdrawn = !known.consent.dataProcessing && !after.consent.dataProcessing;
        const added = isWithdrawn ? takenIn(after) : [];
        if (added.length > 0) throw consentNotLive(id, 'dataProcessing', added);
        this.checkAttributes(after, known);
        return after;
      },
      (_, after) => ({
        event: 'GUEST_UPDATED',
        changes: {
          pointers: pointersOfChange(after),
          ...(pointers.length > 0 ? { masked: pointers } : {}),
          ...(patch.consent ? { consent: after.consent } : {}),
        },
      }),
    );
  }

  /** Idempotent. The guest is `closing` until Genesys has ended what there is to end. */
  close(id: string, condition: Condition): Promise<Guest> {
    return this.changes.change(
      id,
      (known) => {
        const after = closing(known, this.clock.now());
        if (after !== known) checkVersion(known, condition);
        return after;
      },
      (before) => ({ event: 'GUEST_CLOSING', changes: { from: before.state } }),
    );
  }

  /** JSON pointers of what is kept of these only masked. */
  maskedIn(given: WantedGuest | GuestPatch): readonly string[] {
    return this.minimised(given).pointers;
  }

  /** Without what is not to be collected, as far as it is taken at all. */
  private minimised<T extends WantedGuest | GuestPatch>(wanted: T): ReturnType<typeof masked<T>> {
    const given = wanted.channelContext ? { ...wanted, channelContext: withoutQuery(wanted.channelContext) } : wanted;
    return this.settings.personalDataInText === 'mask' ? masked(given) : { given, pointers: [] };
  }

  private async addSession(guestId: string, signIn?: SignInCode): Promise<void> {
    // Made and stored before it is used: after a crash the same session is resumed instead of a second one being made.
    const secret = writtenSecret({ token: randomUUID(), ...(signIn === undefined ? {} : { signIn }) });
    const sealedToken = await this.vault.seal(`guest:${guestId}`, TOKEN_PLACE, secret);
    await this.sessions.add({ guestId, sealedToken });
  }

  private checkAttributes(guest: Pick<Guest, 'attributes' | 'channelContext'>, known?: Guest): void {
    const errors = attributeErrors(guest, this.settings.attributeNames, known);
    if (errors.length > 0)
      throw new AppError('invalid', 'guest.attributes_refused', 'The attributes or the context cannot be taken.', {
        errors,
      });
  }
}
