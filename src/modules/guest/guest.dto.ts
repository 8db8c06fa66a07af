import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsDefined, IsIn, IsObject, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { AppError } from '../../kernel/app-error.js';
import { etagOf } from '../../http/etag.js';
import type { EntityTags } from '../../http/etag.js';
import { MayBeAbsent, Nested, QueryInt } from '../../http/validation.js';
import { linkedConversation } from './guest.js';
import type { Attributes, ChannelContext, CloseReason, Consent, Guest, GuestPatch, GuestState, Mode } from './guest.js';
import { widgetAttributes } from './guest.attributes.js';
import { GuestSettings } from './guest.settings.js';
import type { GuestConflict } from './guest.conflict.js';
import type { Condition, WantedGuest } from './guest.service.js';
import type { GuestPage, GuestQuery } from './ports/guest.store.js';

export const STATES: GuestState[] = [
  'created',
  'configured',
  'active',
  'disconnected',
  'closing',
  'closed',
  'expired',
  'erased',
  'failed',
];

/** Every reason there is, and when it is given. */
export const CLOSE_REASONS: Readonly<Record<CloseReason, string>> = {
  api: 'a caller asked',
  guest_cleared: 'the guest cleared the conversation',
  abandoned: 'idle for too long, or closed before anybody said anything',
  read_only: 'Genesys Cloud made the conversation read-only',
  session_expired: 'the session ran out at Genesys Cloud, or the page never took it up',
  refused: 'Genesys Cloud would not have its start or its end',
};

const HASH = /^[a-fA-F0-9]{64}$/;
const hash = { message: 'must be 64 hexadecimal digits: a hash, never the identifier itself' };
const CAMPAIGN = /^[A-Z0-9_-]+$/;
const campaign = { message: 'must consist of A to Z, 0 to 9, _ and -' };

const PAGE =
  'Origin and path are kept; query and fragment are dropped at the door. Refused with a user name, or with personal data in the path.';
const FREE =
  'E-mail addresses, phone numbers, card numbers and IP addresses are refused: send `email` or `phone` to be hashed instead';

export class ConsentBody {
  @ApiProperty({ description: 'May be used for marketing', example: false })
  @IsBoolean()
  marketing: boolean;

  @ApiProperty({ description: 'May be processed at all; without it no guest is made' })
  @IsBoolean()
  dataProcessing: boolean;
}

export class ChannelContextBody {
  @ApiPropertyOptional({
    format: 'uri',
    maxLength: 2048,
    example: 'https://example.com/support',
    description: PAGE,
  })
  @MayBeAbsent()
  @IsString()
  @MaxLength(2048)
  originPage?: string;

  @ApiPropertyOptional({ pattern: CAMPAIGN.source, maxLength: 64, example: 'WINTER-2024' })
  @MayBeAbsent()
  @Matches(CAMPAIGN, campaign)
  @MaxLength(64)
  campaignId?: string;
}

export class IdentityAttributesBody {
  @ApiPropertyOptional({ pattern: HASH.source, description: 'The hash, as answers show it; in any case' })
  @MayBeAbsent()
  @Matches(HASH, hash)
  emailHash?: string;

  @ApiPropertyOptional({ pattern: HASH.source, description: 'The hash, as answers show it; in any case' })
  @MayBeAbsent()
  @Matches(HASH, hash)
  phoneHash?: string;

  @ApiPropertyOptional({ maxLength: 128, description: FREE })
  @MayBeAbsent()
  @MaxLength(128)
  @IsString()
  deviceFingerprint?: string;

  @ApiPropertyOptional({
    description: 'What made the hashes. They match only hashes of the same scheme. The names of our own are reserved.',
    example: 'crm-2024',
    pattern: '^[a-z0-9@._-]{1,64}$',
  })
  @MayBeAbsent()
  @Matches(/^[a-z0-9@._-]{1,64}$/, { message: 'must be 1 to 64 of a to z, 0 to 9, @ . _ -' })
  scheme?: string;
}

export class CreateGuestBody {
  @ApiPropertyOptional({
    enum: ['server', 'widget'],
    default: 'server',
    description: 'Who holds the conversation: this service, or the Messenger in the page.',
  })
  @MayBeAbsent()
  @IsIn(['server', 'widget'])
  mode?: Mode;

  @ApiPropertyOptional({ enum: ['webmessaging'], default: 'webmessaging' })
  @MayBeAbsent()
  @IsIn(['webmessaging'])
  channel?: 'webmessaging';

  @ApiPropertyOptional({
    format: 'email',
    description: 'Hashed at the door and forgotten',
    example: 'user@example.com',
  })
  @MayBeAbsent()
  @MaxLength(320)
  @IsString()
  email?: string;

  @ApiPropertyOptional({
    description: 'With its country code. Hashed at the door and forgotten',
    example: '+353 1 234 5678',
  })
  @MayBeAbsent()
  @MaxLength(64)
  @IsString()
  phone?: string;

  @ApiPropertyOptional({ maxLength: 128, description: FREE })
  @MayBeAbsent()
  @MaxLength(128)
  @IsString()
  deviceFingerprint?: string;

  @ApiPropertyOptional({ type: IdentityAttributesBody, description: 'For callers who hash themselves' })
  @MayBeAbsent()
  @Nested(() => IdentityAttributesBody)
  identityAttributes?: IdentityAttributesBody;

  @ApiProperty({ type: ConsentBody })
  @IsDefined({ message: 'is required: nothing may be processed without consent on record' })
  @Nested(() => ConsentBody)
  consent: ConsentBody;

  @ApiPropertyOptional({
    type: ChannelContextBody,
    example: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
  })
  @MayBeAbsent()
  @Nested(() => ChannelContextBody)
  channelContext?: ChannelContextBody;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 256 },
    description: `Names from the allow-list only. ${FREE}`,
    example: { source: 'website' },
  })
  @MayBeAbsent()
  @IsObject()
  attributes?: Record<string, string>;
}

export function wantedGuest(body: CreateGuestBody): WantedGuest {
  const { mode = 'server', channel: _channel, channelContext = {}, attributes = {}, consent, ...rest } = body;
  return {
    mode,
    consent: { ...consent },
    channelContext: { ...channelContext },
    attributes: { ...attributes },
    ...rest,
  };
}

class ConsentPatch {
  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsBoolean({ message: 'must be true or false; consent is withdrawn with false, not deleted' })
  marketing?: boolean;

  @ApiPropertyOptional()
  @MayBeAbsent()
  @IsBoolean({ message: 'must be true or false; consent is withdrawn with false, not deleted' })
  dataProcessing?: boolean;
}

class ChannelContextPatch {
  @ApiPropertyOptional({ type: 'string', format: 'uri', maxLength: 2048, nullable: true, description: PAGE })
  @IsOptional()
  @IsString()
  @MaxLength(2048)
  originPage?: string | null;

  @ApiPropertyOptional({ type: 'string', pattern: CAMPAIGN.source, nullable: true })
  @IsOptional()
  @Matches(CAMPAIGN, campaign)
  @MaxLength(64)
  campaignId?: string | null;
}

/** A merge patch (RFC 7396): members given are replaced, `null` deletes. */
export class PatchGuestBody {
  @ApiPropertyOptional({ type: ConsentPatch })
  @MayBeAbsent()
  @Nested(() => ConsentPatch)
  consent?: ConsentPatch;

  @ApiPropertyOptional({ type: ChannelContextPatch, nullable: true })
  @IsOptional()
  @Nested(() => ChannelContextPatch)
  channelContext?: ChannelContextPatch | null;

  @ApiPropertyOptional({
    type: 'object',
    nullable: true,
    additionalProperties: { type: 'string', nullable: true, maxLength: 256 },
    example: { converted: 'true' },
  })
  @IsOptional()
  @IsObject()
  attributes?: Record<string, string | null> | null;
}

export const guestPatch = ({ consent, channelContext, attributes }: PatchGuestBody): GuestPatch => ({
  ...(consent === undefined ? {} : { consent: { ...consent } }),
  ...(channelContext === undefined ? {} : { channelContext: channelContext && { ...channelContext } }),
  ...(attributes === undefined ? {} : { attributes: attributes && { ...attributes } }),
});

export class PatchQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    description:
      'With `If-Match: *`: the version the change was made against. What others changed since stays, unless both changed the same.',
  })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: Number.MAX_SAFE_INTEGER })
  base?: number;
}

/** What `If-Match` and `?base=` ask for. Only strong tags of whole versions can match (RFC 9110 §13.1.1). */
export function conditionOf(tags: EntityTags, base?: number): Condition {
  if (tags === '*') return base === undefined ? { type: 'any' } : { type: 'base', base };
  const versions = tags.filter(({ weak, opaque }) => !weak && /^[1-9]\d{0,14}$/.test(opaque));
  return { type: 'version', versions: versions.map(({ opaque }) => Number(opaque)) };
}

export class ListGuestsQuery {
  @ApiPropertyOptional({ enum: STATES, description: 'Only guests in this state' })
  @MayBeAbsent()
  @IsIn(STATES)
  state?: GuestState;

  @ApiPropertyOptional({ pattern: HASH.source, description: 'The hash, as answers show it; in any case' })
  @MayBeAbsent()
  @Matches(HASH, hash)
  emailHash?: string;

  @ApiPropertyOptional({ pattern: HASH.source, description: 'The hash, as answers show it; in any case' })
  @MayBeAbsent()
  @Matches(HASH, hash)
  phoneHash?: string;

  @ApiPropertyOptional({
    pattern: CAMPAIGN.source,
    description: 'Only guests of this campaign',
    example: 'WINTER-2024',
  })
  @MayBeAbsent()
  @Matches(CAMPAIGN, campaign)
  campaignId?: string;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(500)
  cursor?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 500,
    default: 50,
    description: 'The most to answer at once',
  })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 500 })
  limit?: number;
}

/** Hashes are kept in lower case. */
export const guestQuery = ({ limit = 50, emailHash, phoneHash, ...query }: ListGuestsQuery): GuestQuery => ({
  ...query,
  ...(emailHash === undefined ? {} : { emailHash: emailHash.toLowerCase() }),
  ...(phoneHash === undefined ? {} : { phoneHash: phoneHash.toLowerCase() }),
  limit,
});

export class ReportMessageBody {
  @ApiProperty({
    description: "`body.id` of any message the page's Messenger has seen",
    example: '5d8bcbbd0f1b4e3f9a0f1c2d3e4f5a6b',
  })
  @Matches(/^[A-Za-z0-9-]{8,64}$/, { message: 'must be the id of a message, as the Messenger reports it' })
  messageId: string;
}

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
  @ApiProperty({ enum: ['server', 'widget'] }) mode: Mode;
  @ApiProperty({ enum: ['webmessaging'] }) channel: 'webmessaging';
  @ApiProperty({ enum: STATES }) state: GuestState;
  @ApiProperty({
    type: 'string',
    nullable: true,
    enum: [...Object.keys(CLOSE_REASONS), null],
    description: `Why the guest is over, or going to be. ${Object.entries(CLOSE_REASONS)
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
