import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength, MinLength } from 'class-validator';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent } from '../../http/validation.js';
import { UUID } from '../../kernel/uuid.js';
import { BREAKER_STATES } from './breaker.js';
import type { BreakerState } from './breaker.js';
import type { CrmStatus, Preview } from './crm-status.service.js';
import type { CrmRequest, DeadLetter, DeadLetterPage } from './crm-sync.js';

const UUID_RULE = { message: 'must be a UUID in lower case, as answers show it' };
const LETTER_ID = /^(.{1,64})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export class PreviewQuery {
  @ApiProperty({ description: 'Which CRM', example: 'salesforce', maxLength: 64 })
  @MaxLength(64)
  @IsString()
  crm: string;

  @ApiProperty({ format: 'uuid', description: 'Of whom' })
  @Matches(UUID, UUID_RULE)
  guestId: string;
}

/** The `{id}` of a dead letter. */
export class DeadLetterPath {
  @ApiProperty({ description: 'As the list shows it', example: 'salesforce.01890a5d-ac96-774b-bcce-b302099a8057' })
  @Matches(LETTER_ID, { message: 'must be a CRM, a dot and the id of a guest, as answers show it' })
  id: string;
}

/** The CRM and the guest a dead letter is named by. */
export function letterOf(id: string): { readonly crm: string; readonly guestId: string } {
  const [, crm, guestId] = LETTER_ID.exec(id)!;
  return { crm: crm!, guestId: guestId! };
}

export class DeadLettersQuery extends PageQuery {
  @ApiProperty({ description: 'Of which CRM', example: 'salesforce', maxLength: 64 })
  @MaxLength(64)
  @IsString()
  crm: string;

  @ApiPropertyOptional({ description: 'Only those of this reason, by its code', maxLength: 200 })
  @MayBeAbsent()
  @MaxLength(200)
  @MinLength(1)
  @IsString()
  code?: string;
}

/** Which dead letters to send again. */
export class ReplayBody {
  @ApiProperty({ description: 'Of which CRM', example: 'salesforce', maxLength: 64 })
  @MaxLength(64)
  @IsString()
  crm: string;

  @ApiPropertyOptional({ description: 'Only those of this reason, by its code; all when absent', maxLength: 200 })
  @MayBeAbsent()
  @MaxLength(200)
  @MinLength(1)
  @IsString()
  code?: string;
}

export class ReplayedView {
  @ApiProperty({ type: 'integer', description: 'Dead letters that are on their way again', example: 12 })
  replayed: number;
}

class LastErrorView {
  @ApiProperty({ example: 'crm.unavailable' }) code: string;
  @ApiProperty({ format: 'date-time' }) at: string;
}

class MinuteView {
  @ApiProperty({ format: 'date-time', description: 'Its beginning' }) minute: string;
  @ApiProperty({ example: 400, type: 'integer', description: 'Records taken' }) delivered: number;
  @ApiProperty({ example: 1, type: 'integer', description: 'Records given up' }) dead: number;
  @ApiProperty({ example: 9, type: 'integer' }) calls: number;
  @ApiProperty({ example: 1, type: 'integer', description: 'Calls without a verdict' }) failures: number;
}

export class CrmStatusView {
  @ApiProperty({ example: 'salesforce' }) crm: string;
  @ApiProperty({
    enum: BREAKER_STATES,
    description:
      '`closed`: it is called; `waiting`: it asked for time; `open`: it failed and is left alone; `half-open`: one call finds out whether it is back',
  })
  breaker: BreakerState;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'Until then nothing is sent' })
  until: string | null;
  @ApiProperty({
    type: LastErrorView,
    nullable: true,
    example: { code: 'crm.unavailable', at: '2026-01-01T09:00:00.000Z' },
    description: 'What it last failed with, also when it is long back',
  })
  lastError: LastErrorView | null;
  @ApiProperty({
    example: 150,
    type: 'integer',
    description: 'Records to be delivered; at least so many when `isExact` is false',
  })
  waiting: number;
  @ApiProperty() isExact: boolean;
  @ApiProperty({
    example: 1_200,
    type: 'integer',
    description: 'For how long the oldest has been due, in milliseconds',
  })
  lagMs: number;
  @ApiProperty({ example: 3, type: 'integer' }) chunksUnderWay: number;
  @ApiProperty({ example: 2, type: 'integer', description: 'At most 10,000 are counted' }) deadLetters: number;
  @ApiProperty({ type: [MinuteView], description: 'Of the last five minutes those in which anything was done' })
  minutes: MinuteView[];
}

export class CrmStatusListView {
  @ApiProperty({ type: [CrmStatusView] }) items: CrmStatusView[];
}

class CrmRequestView {
  @ApiProperty({ example: 'PATCH' }) method: string;
  @ApiProperty({ format: 'uri' }) url: string;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, description: 'Secrets are left out' })
  headers: Record<string, string>;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true }) body: unknown;
}

const REASONS: NonNullable<Preview['reason']>[] = ['unknown', 'withheld', 'delivered', 'refused'];

export class PreviewView {
  @ApiProperty({ example: 'salesforce' }) crm: string;
  @ApiProperty({ format: 'uuid' }) guestId: string;
  @ApiProperty({ description: 'Whether it is to be sent' }) isDue: boolean;
  @ApiProperty({
    type: 'string',
    enum: [...REASONS, null],
    nullable: true,
    description:
      'Why not. `unknown`: there is no such guest, or it never agreed to the purpose this needs; `withheld`: it does not agree any more; `delivered`: the CRM holds it in this form; `refused`: the CRM would not take this form, see its dead letter',
  })
  reason: Preview['reason'];
  @ApiProperty({
    type: CrmRequestView,
    nullable: true,
    example: { method: 'PATCH', url: 'https://example.com/batch', headers: {}, body: null },
    description: 'Null when nothing of this guest may leave',
  })
  request: CrmRequestView | null;
}

class RecordView {
  @ApiProperty({ format: 'uuid' }) externalId: string;
  @ApiProperty({ type: 'string', nullable: true, description: 'Masked' }) emailHash: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'Masked' }) phoneHash: string | null;
  @ApiProperty({ type: 'string', nullable: true }) keyId: string | null;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'boolean' } }) consentFlags: Record<string, boolean>;
  @ApiProperty({ format: 'date-time' }) lastInteraction: string;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } }) channelContext: Record<string, string>;
}

export class DeadLetterView {
  @ApiProperty({ example: 'salesforce.01890a5d-ac96-774b-bcce-b302099a8057' }) id: string;
  @ApiProperty({ example: 'salesforce' }) crm: string;
  @ApiProperty({ format: 'uuid' }) guestId: string;
  @ApiProperty({ type: 'integer', description: 'Of the guest' }) version: number;
  @ApiProperty({ format: 'date-time', description: 'When it was given up' }) date: string;
  @ApiProperty({ example: 'crm.refused' }) code: string;
  @ApiProperty({ type: 'string', nullable: true, description: 'In words, where there are any' }) reason: string | null;
  @ApiProperty({ type: 'integer' }) attempts: number;
  @ApiProperty({ type: RecordView, description: 'What would not be taken, hashes masked' }) record: RecordView;
}

export class DeadLetterPageView {
  @ApiProperty({ type: [DeadLetterView] }) items: DeadLetterView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export const crmStatusView = ({ until, lastError, minutes, ...status }: CrmStatus): CrmStatusView => ({
  ...status,
  until: until?.toISOString() ?? null,
  lastError: lastError === null ? null : { code: lastError.code, at: lastError.at.toISOString() },
  minutes: minutes.map(({ minute, ...counts }) => ({ minute: minute.toISOString(), ...counts })),
});

const requestView = ({ headers, ...request }: CrmRequest): CrmRequestView => ({ ...request, headers: { ...headers } });

export const previewView = ({ request, ...preview }: Preview): PreviewView => ({
  ...preview,
  request: request === null ? null : requestView(request),
});

export const deadLetterView = ({ at, record, ...letter }: DeadLetter): DeadLetterView => ({
  id: `${letter.crm}.${letter.guestId}`,
  ...letter,
  date: at.toISOString(),
  record: { ...record, consentFlags: { ...record.consentFlags }, channelContext: { ...record.channelContext } },
});

export const deadLetterPageView = ({ items, nextCursor }: DeadLetterPage): DeadLetterPageView => ({
  items: items.map(deadLetterView),
  nextCursor,
});
