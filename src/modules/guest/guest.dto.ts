import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  IsBoolean,
  IsDefined,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
} from 'class-validator';
import type { EntityTag, EntityTags } from '../../http/etag.js';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent, Nested, QueryInt } from '../../http/validation.js';
import { GUEST_STATES, MODES } from './guest.js';
import type { GuestState, Mode } from './guest.js';
import type { GuestPatch } from './guest.patch.js';
import type { WantedGuest } from './guest.service.js';
import type { Condition } from './guest.condition.js';
import type { GuestQuery } from './ports/guest.store.js';

const HASH = /^[a-fA-F0-9]{64}$/;
const hash = { message: 'must be 64 hexadecimal digits: a hash, never the identifier itself' };
const CAMPAIGN = /^[A-Z0-9_-]+$/;
const campaign = { message: 'must consist of A to Z, 0 to 9, _ and -' };

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

const PAGE =
  'An absolute http or https URL, as browsers write them. Origin and path are kept; query and fragment are dropped at the door. Refused with a user name, or with personal data in the path.';
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

  @ApiPropertyOptional({ minLength: 1, maxLength: 128, description: FREE })
  @MayBeAbsent()
  @MinLength(1)
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

export class AuthenticateBody {
  @ApiProperty({ minLength: 1, maxLength: 4096, description: 'The authorization code; good for once' })
  @IsString()
  @Matches(/^[\x21-\x7e]+$/, { message: 'must be an authorization code: printable ASCII' })
  @MaxLength(4096)
  code: string;

  @ApiProperty({ format: 'uri', maxLength: 2048, description: 'The one the code was asked for with' })
  @Matches(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[\x21-\x7e]+$/, { message: 'must be an absolute URL' })
  @MaxLength(2048)
  redirectUri: string;

  @ApiPropertyOptional({ pattern: VERIFIER.source, description: 'Of PKCE (RFC 7636)' })
  @MayBeAbsent()
  @Matches(VERIFIER, { message: 'must be 43 to 128 of A to Z, a to z, 0 to 9, - . _ ~' })
  codeVerifier?: string;

  @ApiPropertyOptional({ maxLength: 512, description: 'Of OpenID Connect' })
  @MayBeAbsent()
  @MaxLength(512)
  @IsString()
  nonce?: string;
}

export class CreateGuestBody {
  @ApiPropertyOptional({
    enum: MODES,
    default: 'server',
    description: 'Who holds the conversation: this service, or the Messenger in the page.',
  })
  @MayBeAbsent()
  @IsIn(MODES)
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

  @ApiPropertyOptional({ minLength: 1, maxLength: 128, description: FREE })
  @MayBeAbsent()
  @MinLength(1)
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

  @ApiPropertyOptional({
    description:
      'For a server-led guest who has signed in at the page, where the deployment lets guests sign in: what the identity provider answered. ' +
      'It is exchanged at Genesys Cloud, kept only encrypted, and never shown.',
  })
  @MayBeAbsent()
  @Nested(() => AuthenticateBody)
  authenticate?: AuthenticateBody;
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
  @ApiPropertyOptional({ type: 'string', maxLength: 2048, nullable: true, description: PAGE })
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
  return { type: 'version', versions: versionsIn(tags.filter(({ weak }) => !weak)), seen: versionsIn(tags) };
}

const versionsIn = (tags: readonly EntityTag[]): number[] =>
  tags.filter(({ opaque }) => /^[1-9]\d{0,14}$/.test(opaque)).map(({ opaque }) => Number(opaque));

export class ListGuestsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: GUEST_STATES, description: 'Only guests in this state' })
  @MayBeAbsent()
  @IsIn(GUEST_STATES)
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

  @ApiPropertyOptional({ type: 'integer', default: 50 })
  override limit?: number;
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
