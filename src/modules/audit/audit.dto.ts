import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent } from '../../http/validation.js';
import type { Entry } from './audit.js';

export class EntriesQuery extends PageQuery {
  @ApiPropertyOptional({
    description: 'Whose chain: `guest:<id>`, or `system:<what>` for what concerns no guest. All of them when absent.',
    example: 'guest:01890a5d-ac96-774b-bcce-b302099a8057',
  })
  @MayBeAbsent()
  @Matches(/^(guest:[0-9a-f-]{36}|system:[a-z-]{1,40})$/, { message: 'must be guest:<id> or system:<what>' })
  subject?: `guest:${string}` | `system:${string}`;
}

const HASH = 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514';

/** An entry as it can be checked: `hash = SHA-256(previousHash as 32 bytes ‖ body as UTF-8)`. */
export class EntryView {
  @ApiProperty({ example: 'guest:01890a5d-ac96-774b-bcce-b302099a8057' }) subject: string;
  @ApiProperty({ type: 'integer', description: 'Position in the chain of the subject, from 1 without gaps' })
  sequence: number;
  @ApiProperty({ format: 'date-time' }) at: string;
  @ApiProperty({ example: 'GUEST_CREATED' }) event: string;
  @ApiProperty({ example: 'api-key:widget' }) actor: string;
  @ApiProperty({ type: 'object', additionalProperties: true, example: { mode: 'server' } }) changes: Record<
    string,
    unknown
  >;
  @ApiPropertyOptional({
    type: 'object',
    properties: { gdprApplicable: { type: 'boolean' }, dataMinimized: { type: 'boolean' } },
  })
  complianceFlags?: unknown;
  @ApiProperty({
    example: '{"actor":"api-key:widget","event":"GUEST_CREATED"}',
    description: 'The exact text that was hashed: canonical JSON (RFC 8785)',
  })
  body: string;
  @ApiProperty({ example: HASH, description: 'Hash of the entry before, or of the beginning of the chain' })
  previousHash: string;
  @ApiProperty({ example: HASH, description: 'SHA-256, 64 hexadecimal digits' }) hash: string;
}

export class EntryPageView {
  @ApiProperty({ type: [EntryView] }) items: EntryView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export function entryView(entry: Entry): EntryView {
  const body = JSON.parse(entry.body) as Pick<EntryView, 'at' | 'event' | 'actor' | 'changes' | 'complianceFlags'>;
  return {
    subject: entry.subject,
    sequence: entry.sequence,
    at: body.at,
    event: body.event,
    actor: body.actor,
    changes: body.changes,
    ...(body.complianceFlags === undefined ? {} : { complianceFlags: body.complianceFlags }),
    body: entry.body,
    previousHash: entry.previousHash,
    hash: entry.hash,
  };
}
