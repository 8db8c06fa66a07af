import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsOptional,
  IsString,
  Matches,
  MaxLength,
  MinLength,
} from 'class-validator';
import { UUID } from '../../kernel/uuid.js';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent } from '../../http/validation.js';
import type { EndpointPatch, RevealedEndpoint, WantedEndpoint } from './endpoint.service.js';
import type { DeliveryPage } from './ports/webhook.store.js';
import { DELIVERY_STATUSES, DISABLED_REASONS, EVENT_TYPES } from './webhooks.js';
import type { Delivery, DeliveryStatus, DisabledReason, Endpoint, EventType } from './webhooks.js';

const TYPES = [...EVENT_TYPES];

const URL_RULE =
  'Absolute, https, and reachable from the internet: private, local and reserved addresses are refused, also when a name turns out to stand for one. In sandbox mode this machine may be named, with http as well.';
const known = { each: true, message: `each must be one of ${TYPES.join(', ')}` };

export class CreateEndpointBody {
  @ApiProperty({ maxLength: 2048, description: URL_RULE, example: 'https://example.com/hooks/guests' })
  @MaxLength(2048)
  @MinLength(1)
  @IsString()
  url: string;

  @ApiProperty({ enum: TYPES, isArray: true, minItems: 1, uniqueItems: true, description: 'What it listens to' })
  @ArrayUnique({ message: 'must not name an event twice' })
  @ArrayMaxSize(TYPES.length)
  @ArrayMinSize(1)
  @IsIn(TYPES, known)
  @IsArray()
  events: EventType[];

  @ApiPropertyOptional({ maxLength: 200, description: 'For people. Nothing personal belongs here' })
  @MayBeAbsent()
  @MaxLength(200)
  @IsString()
  description?: string;
}

/** A merge patch (RFC 7396): members given are replaced; `null` deletes the description. */
export class PatchEndpointBody {
  @ApiPropertyOptional({ maxLength: 2048, description: URL_RULE })
  @MayBeAbsent()
  @MaxLength(2048)
  @MinLength(1)
  @IsString()
  url?: string;

  @ApiPropertyOptional({ enum: TYPES, isArray: true, minItems: 1, uniqueItems: true })
  @MayBeAbsent()
  @ArrayUnique({ message: 'must not name an event twice' })
  @ArrayMaxSize(TYPES.length)
  @ArrayMinSize(1)
  @IsIn(TYPES, known)
  @IsArray()
  events?: EventType[];

  @ApiPropertyOptional({ type: 'string', nullable: true, maxLength: 200 })
  @IsOptional()
  @MaxLength(200)
  @IsString()
  description?: string | null;

  @ApiPropertyOptional({
    description: '`false` stops it; `true` starts it again, with what waited, and forgets that it failed',
  })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;
}

export const wantedEndpoint = ({ url, events, description }: CreateEndpointBody): WantedEndpoint => ({
  url,
  events,
  description: description ?? null,
});

export const endpointPatch = ({ url, events, description, enabled }: PatchEndpointBody): EndpointPatch => ({
  ...(url === undefined ? {} : { url }),
  ...(events === undefined ? {} : { events }),
  ...(description === undefined ? {} : { description }),
  ...(enabled === undefined ? {} : { enabled }),
});

export class ListDeliveriesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES, description: 'Only deliveries of this status' })
  @MayBeAbsent()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}

const uuid = { message: 'must be a UUID in lower case, as answers show it' };

/** The `{id}` and `{deliveryId}` of a path. */
export class DeliveryPath {
  @ApiProperty({ format: 'uuid', description: 'The endpoint' })
  @Matches(UUID, uuid)
  id: string;

  @ApiProperty({ format: 'uuid', description: 'The delivery, as the log shows it' })
  @Matches(UUID, uuid)
  deliveryId: string;
}

export class EndpointView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ description: 'As it was given', example: 'https://example.com/hooks/guests' }) url: string;
  @ApiProperty({ enum: TYPES, isArray: true }) events: readonly EventType[];
  @ApiProperty({ type: 'string', nullable: true }) description: string | null;
  @ApiProperty() enabled: boolean;
  @ApiProperty({
    type: 'string',
    enum: [...DISABLED_REASONS, null],
    nullable: true,
    description:
      '`requested` by a PATCH; `gone`: it answered 410; `failing`: nothing but failures for five days. Null while enabled',
  })
  disabledReason: DisabledReason | null;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true }) disabledDate: string | null;
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'Since when every attempt has failed; null when the last one succeeded',
  })
  failingSince: string | null;
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'Until then the secret before the last rotation signs as well',
  })
  previousSecretUntil: string | null;
  @ApiProperty({ format: 'date-time' }) createdDate: string;
  @ApiProperty({ format: 'date-time' }) modifiedDate: string;
}

export class RevealedEndpointView extends EndpointView {
  @ApiProperty({
    description: 'Signs what is sent (Standard Webhooks 1.0.0, HMAC-SHA-256). Shown this once',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  })
  secret: string;
}

export class EndpointPageView {
  @ApiProperty({ type: [EndpointView] }) items: EndpointView[];
  @ApiProperty({ type: 'string', nullable: true, description: 'Always null: there are at most 50' })
  nextCursor: string | null;
}

export class DeliveryView {
  @ApiProperty({ format: 'uuid', description: 'The `webhook-id`, the same in every attempt and replay' }) id: string;
  @ApiProperty({ enum: TYPES }) type: EventType;
  @ApiProperty({ description: 'Whom it is about', example: 'guest:01890a5d-ac96-774b-bcce-b302099a8057' })
  subject: string;
  @ApiProperty({
    enum: DELIVERY_STATUSES,
    description: '`withdrawn`: the guest withdrew consent before it was sent',
  })
  status: DeliveryStatus;
  @ApiProperty({ description: 'All there were, replays included' }) attempts: number;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true }) nextAttemptDate: string | null;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true }) lastAttemptDate: string | null;
  @ApiProperty({ type: 'integer', nullable: true, description: 'The HTTP status that was answered last' })
  lastStatus: number | null;
  @ApiProperty({
    type: 'string',
    nullable: true,
    description:
      'Why there was no answer: `webhook.silent`, `webhook.timeout`, or `webhook.address_refused` when the name stood for an address that is not public',
  })
  lastCode: string | null;
  @ApiProperty({ format: 'date-time' }) createdDate: string;
}

export class DeliveryPageView {
  @ApiProperty({ type: [DeliveryView] }) items: DeliveryView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export const endpointView = (endpoint: Endpoint): EndpointView => ({
  id: endpoint.id,
  url: endpoint.url,
  events: endpoint.events,
  description: endpoint.description,
  enabled: endpoint.disabled === null,
  disabledReason: endpoint.disabled?.reason ?? null,
  disabledDate: endpoint.disabled?.at.toISOString() ?? null,
  failingSince: endpoint.failingSince?.toISOString() ?? null,
  previousSecretUntil: endpoint.previousSecret?.until.toISOString() ?? null,
  createdDate: endpoint.createdDate.toISOString(),
  modifiedDate: endpoint.modifiedDate.toISOString(),
});

export const revealedEndpointView = ({ endpoint, secret }: RevealedEndpoint): RevealedEndpointView => ({
  ...endpointView(endpoint),
  secret,
});

export const deliveryView = (delivery: Delivery): DeliveryView => ({
  id: delivery.id,
  type: delivery.type,
  subject: delivery.subject,
  status: delivery.status,
  attempts: delivery.attempts,
  nextAttemptDate: delivery.nextAttemptDate?.toISOString() ?? null,
  lastAttemptDate: delivery.lastAttempt?.at.toISOString() ?? null,
  lastStatus: delivery.lastAttempt?.status ?? null,
  lastCode: delivery.lastAttempt?.code ?? null,
  createdDate: delivery.createdDate.toISOString(),
});

export const deliveryPageView = (page: DeliveryPage): DeliveryPageView => ({
  items: page.items.map(deliveryView),
  nextCursor: page.nextCursor,
});
