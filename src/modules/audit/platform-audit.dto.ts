import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength } from 'class-validator';
import { IsInstant, MayBeAbsent, QueryInt } from '../../http/validation.js';
import { QUERY_ID } from './platform-audit.js';
import type { PlatformPage } from './platform-audit.service.js';
import type { PlatformQuery } from './ports/platform-audit.js';

const NAME = /^[A-Za-z][A-Za-z0-9]{0,63}$/;
const A_NAME = { message: 'must be a name as Genesys Cloud has it, such as WebDeployments' };
const LIMIT = { type: 'integer', minimum: 1, maximum: 500, default: 100 } as const;

export class PlatformEntriesQuery {
  @ApiProperty({ description: 'The service that keeps the audit', example: 'WebDeployments' })
  @Matches(NAME, A_NAME)
  service: string;

  @ApiProperty({ format: 'date-time', description: 'The first moment', example: '2026-11-21T09:00:00Z' })
  @IsInstant()
  from: string;

  @ApiProperty({ format: 'date-time', description: 'The last moment', example: '2026-11-22T09:00:00Z' })
  @IsInstant()
  until: string;

  @ApiPropertyOptional({ description: 'What was changed or seen', example: 'Configuration' })
  @MayBeAbsent()
  @Matches(NAME, A_NAME)
  entityType?: string;

  @ApiPropertyOptional({ description: 'Which of them', example: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' })
  @MayBeAbsent()
  @Matches(/^[\w.:-]{1,64}$/, { message: 'must be an id as Genesys Cloud shows it' })
  entityId?: string;

  @ApiPropertyOptional({ description: 'What was done', example: 'Update' })
  @MayBeAbsent()
  @Matches(NAME, A_NAME)
  action?: string;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before, with the same query' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(2_000)
  cursor?: string;

  @ApiPropertyOptional({ ...LIMIT, description: 'The most to answer at once' })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 500 })
  limit?: number;
}

export class PlatformQueryPath {
  @ApiProperty({ format: 'uuid', description: 'As `queryId` has it', example: '7d1e2a52-3c1b-4f8e-9b5a-2f6d0c9a1e77' })
  @Matches(QUERY_ID, { message: 'must be the id of a query, in lower case' })
  id: string;
}

export class PlatformResultsQuery {
  @ApiPropertyOptional({ ...LIMIT, description: 'The most to answer at once' })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 500 })
  limit?: number;
}

export class PlatformEntryView {
  @ApiProperty({ example: '0c6b9b1e-7f1d-4b57-8a86-6b1c2a6f0a11' }) id: string;
  @ApiProperty({ format: 'date-time' }) at: string;
  @ApiProperty({ example: 'WebDeployments' }) service: string;
  @ApiProperty({ type: 'string', nullable: true, example: 'Configuration' }) entityType: string | null;
  @ApiProperty({ type: 'string', nullable: true }) entityId: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: 'Update' }) action: string | null;
  @ApiProperty({ type: 'string', nullable: true, example: 'SUCCESS' }) status: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'Who did it; names are Genesys Cloud’s to show' })
  userId: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'With which OAuth client' }) clientId: string | null;
  @ApiProperty({ type: 'string', nullable: true }) application: string | null;
  @ApiProperty({
    example: ['state'],
    type: [String],
    description: 'What changed, by name; values stay at Genesys Cloud',
  })
  changed: string[];
}

export class PlatformPageView {
  @ApiProperty({ type: [PlatformEntryView] }) items: PlatformEntryView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export class PlatformQueryView {
  @ApiProperty({ format: 'uuid', description: 'The query that is being carried out' }) queryId: string;
}

export const platformQuery = ({
  from,
  until,
  service,
  entityType,
  entityId,
  action,
}: PlatformEntriesQuery): PlatformQuery => ({
  service,
  from: new Date(from),
  until: new Date(until),
  ...(entityType === undefined ? {} : { entityType }),
  ...(entityId === undefined ? {} : { entityId }),
  ...(action === undefined ? {} : { action }),
});

export const platformPageView = ({ items, nextCursor }: PlatformPage): PlatformPageView => ({
  items: items.map((entry) => ({ ...entry, changed: [...entry.changed] })),
  nextCursor,
});
