import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { etagOf } from '../../http/etag.js';
import { AppError } from '../../kernel/app-error.js';
import { widgetAttributes } from './guest.attributes.js';
import { GuestConflict } from './guest.conflict.js';
import { ChannelContextBody, ConsentBody } from './guest.dto.js';
import { CLOSE_REASONS, GUEST_STATES, linkedConversation, MODES } from './guest.js';
import type { Attributes, ChannelContext, CloseReason, Consent, Guest, GuestState, Mode } from './guest.js';
import type { GuestSettings } from './guest.settings.js';
import type { GuestPage } from './ports/guest.store.js';

export class WidgetView {
  @ApiProperty() deploymentId: string;
  @ApiProperty({ type: 'string', nullable: true, example: 'prod-euw1' }) environment: string | null;
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: "For the Messenger's Database.set: { messaging: { customAttributes } }",
  })
  customAttributes: Attributes;
}

export class GenesysView {
  @ApiProperty() deploymentId: string;
  @ApiProperty({ type: [String] }) conversationIds: string[];
  @ApiProperty({ description: 'Whether a conversation is going on that is known to be this guest’s' }) linked: boolean;
  @ApiPropertyOptional({ type: WidgetView, description: 'What the page needs; widget-led guests only' })
  widget?: WidgetView;
}

export class IdentityView {
  @ApiProperty({ type: 'string', nullable: true }) emailHash: string | null;
  @ApiProperty({ type: 'string', nullable: true }) phoneHash: string | null;
  @ApiProperty({ type: 'string', nullable: true }) deviceFingerprint: string | null;
  @ApiProperty({ type: 'string', nullable: true }) primaryIdentifier: string | null;
  @ApiProperty({ enum: ['email', 'phone', 'unknown'] }) resolutionMethod: string;
  @ApiProperty({ type: 'string', nullable: true, description: 'The key or scheme that made the hashes' })
  keyId: string | null;
}

export class GuestView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ enum: MODES }) mode: Mode;
  @ApiProperty({ enum: ['webmessaging'] }) channel: 'webmessaging';
  @ApiProperty({ enum: GUEST_STATES }) state: GuestState;
  @ApiProperty({
    type: 'string',
    nullable: true,
    enum: [...Object.keys(CLOSE_REASONS), null],
    description: `Why the guest is over, or going to be; null in \`closing\` when a caller asked, until its end is known. ${Object.entries(
      CLOSE_REASONS,
    )
      .map(([reason, when]) => `\`${reason}\`: ${when}`)
      .join('. ')}.`,
  })
  closeReason: CloseReason | null;
  @ApiProperty({ type: ConsentBody }) consent: Consent;
  @ApiProperty({ type: IdentityView }) identityAttributes: IdentityView;
  @ApiProperty({ type: ChannelContextBody }) channelContext: ChannelContext;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } }) attributes: Attributes;
  @ApiProperty({ type: 'integer', description: 'Messages of guest, agent and bot' }) interactionCount: number;
  @ApiProperty({ format: 'date-time' }) createdDate: string;
  @ApiProperty({ format: 'date-time' }) modifiedDate: string;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true }) closedDate: string | null;
  @ApiProperty({ type: 'integer', description: 'The ETag without its quotes' }) version: number;
  @ApiProperty({ type: GenesysView }) genesys: GenesysView;
}

export class GuestPageView {
  @ApiProperty({ type: [GuestView] }) items: GuestView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

const widgetView = (guest: Guest, settings: GuestSettings): WidgetView => ({
  deploymentId: guest.deploymentId,
  environment: settings.environment,
  customAttributes: widgetAttributes(guest, settings.widgetKeys),
});

export function guestView(guest: Guest, settings: GuestSettings): GuestView {
  const { deploymentId } = guest;
  return {
    id: guest.id,
    mode: guest.mode,
    channel: guest.channel,
    state: guest.state,
    closeReason: guest.closeReason,
    consent: { marketing: guest.consent.marketing, dataProcessing: guest.consent.dataProcessing },
    identityAttributes: {
      emailHash: guest.identity.emailHash,
      phoneHash: guest.identity.phoneHash,
      deviceFingerprint: guest.identity.deviceFingerprint,
      primaryIdentifier: guest.identity.primaryIdentifier,
      resolutionMethod: guest.identity.resolutionMethod,
      keyId: guest.identity.keyId,
    },
    channelContext: guest.channelContext,
    attributes: guest.attributes,
    interactionCount: guest.interactionCount,
    createdDate: guest.createdDate.toISOString(),
    modifiedDate: guest.modifiedDate.toISOString(),
    closedDate: guest.closedDate?.toISOString() ?? null,
    version: guest.version,
    genesys: {
      deploymentId,
      conversationIds: guest.conversations.map(({ id }) => id),
      linked: linkedConversation(guest) !== null,
      ...(guest.mode === 'widget' ? { widget: widgetView(guest, settings) } : {}),
    },
  };
}

export const guestPageView = (page: GuestPage, settings: GuestSettings): GuestPageView => ({
  items: page.items.map((guest) => guestView(guest, settings)),
  nextCursor: page.nextCursor,
});

/** Waits for a change; where it meets a conflict, that shows the guest as it is now. */
export async function conflictsShown<T>(changed: Promise<T>, settings: GuestSettings): Promise<T> {
  try {
    return await changed;
  } catch (error) {
    if (!(error instanceof GuestConflict)) throw error;
    throw shownConflict(error, guestView(error.guest, settings));
  }
}

/** A conflict that shows the guest as it is now, the way a reader would see it. */
export function shownConflict(conflict: GuestConflict, current: GuestView): AppError {
  const { guest, conflicts, kind, code, message } = conflict;
  return new AppError(kind, code, message, {
    extra: {
      currentETag: etagOf(guest.version),
      current,
      conflicts,
      mergeable: conflicts.length === 0,
    },
    cause: conflict,
  });
}
