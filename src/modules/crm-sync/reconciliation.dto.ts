import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent } from '../../http/validation.js';
import type { DriftPage, ReconciliationPage } from './ports/reconciliation.store.js';
import { DRIFT_KINDS, RECONCILIATION_STATES } from './reconciliation.js';
import type { DriftKind, Reconciliation, ReconciliationState } from './reconciliation.js';

export class BeginReconciliationBody {
  @ApiProperty({ description: 'Which CRM to read back', example: 'salesforce', maxLength: 64 })
  @MaxLength(64)
  @IsString()
  crm: string;
}

export class ReconciliationsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only of this CRM', example: 'salesforce', maxLength: 64 })
  @MayBeAbsent()
  @MaxLength(64)
  @IsString()
  crm?: string;
}

export class ReconciliationView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ example: 'salesforce' }) crm: string;
  @ApiProperty({ enum: ['schedule', 'request'], description: 'What began it' }) trigger: Reconciliation['trigger'];
  @ApiProperty({
    enum: RECONCILIATION_STATES,
    description:
      '`reading` the CRM, `sweeping` our own records for those it did not show, `found`: waits for approval, `repairing`, `repaired`, `failed`: could not be read to its end',
  })
  state: ReconciliationState;
  @ApiProperty({ format: 'date-time' }) startedDate: string;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true }) endedDate: string | null;
  @ApiProperty({ example: 40, type: 'integer', description: 'Pages read so far' }) pages: number;
  @ApiProperty({ example: 8_000, type: 'integer', description: 'Records of the CRM compared so far' }) records: number;
  @ApiProperty({ example: 2, type: 'integer', description: 'Delivered, and not there' }) missing: number;
  @ApiProperty({ example: 0, type: 'integer', description: 'There, and not to be: reported, never deleted' })
  extra: number;
  @ApiProperty({ example: 3, type: 'integer', description: 'Held otherwise than delivered' }) different: number;
  @ApiProperty({ example: 0, type: 'integer', description: 'Sent again so far' }) repaired: number;
  @ApiProperty({
    type: 'integer',
    description: 'What a repair would send again: what is missing or different. Consent is looked at again then',
    example: 5,
  })
  proposed: number;
  @ApiProperty({ type: 'string', nullable: true, description: 'What the CRM failed with when last read' })
  code: string | null;
}

export class ReconciliationPageView {
  @ApiProperty({ type: [ReconciliationView] }) items: ReconciliationView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export class DriftView {
  @ApiProperty({ enum: DRIFT_KINDS }) kind: DriftKind;
  @ApiProperty({ type: 'string', format: 'uuid', nullable: true, description: 'Null when no guest can be named so' })
  guestId: string | null;
  @ApiProperty({ type: 'string', nullable: true, description: 'The CRM’s own id of its record' }) remoteId:
    string | null;
  @ApiProperty({ type: [String], description: 'Fields that differ, by name', example: ['emailHash'] }) fields: string[];
  @ApiProperty({ enum: ['send', 'none'], description: 'What a repair would do' }) repair: 'send' | 'none';
}

export class DriftPageView {
  @ApiProperty({ type: [DriftView] }) items: DriftView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export const reconciliationView = (one: Reconciliation): ReconciliationView => ({
  id: one.id,
  crm: one.crm,
  trigger: one.trigger,
  state: one.state,
  startedDate: one.startedAt.toISOString(),
  endedDate: one.endedAt?.toISOString() ?? null,
  pages: one.pages,
  records: one.records,
  missing: one.missing,
  extra: one.extra,
  different: one.different,
  repaired: one.repaired,
  proposed: one.missing + one.different,
  code: one.code,
});

export const reconciliationPageView = ({ items, nextCursor }: ReconciliationPage): ReconciliationPageView => ({
  items: items.map(reconciliationView),
  nextCursor,
});

export const driftPageView = ({ items, nextCursor }: DriftPage): DriftPageView => ({
  items: items.map(({ kind, guestId, remoteId, fields }) => ({
    kind,
    guestId,
    remoteId,
    fields: [...fields],
    repair: kind === 'extra' ? 'none' : 'send',
  })),
  nextCursor,
});
