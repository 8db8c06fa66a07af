import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { IdPath } from '../../http/id-path.js';
import { IsInstant, MayBeAbsent } from '../../http/validation.js';
import { AppError } from '../../kernel/app-error.js';
import { UUID } from '../../kernel/uuid.js';
import { DECISIONS, METHODS, PURPOSES } from './consent.js';
import type { ConsentRecord, Decision, Method, Purpose } from './consent.js';
import { ConsentStale } from './consent.errors.js';
import type { PublicKey, SignedReceipt } from './consent.receipt.js';
import type { WantedConsent } from './consent.service.js';
import type { ConsentPage } from './ports/consent.store.js';

const NOTICE = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/;

export class RecordConsentBody {
  @ApiProperty({ enum: PURPOSES })
  @IsIn(PURPOSES)
  purpose: Purpose;

  @ApiProperty({ enum: DECISIONS })
  @IsIn(DECISIONS)
  decision: Decision;

  @ApiPropertyOptional({
    type: 'string',
    nullable: true,
    maxLength: 64,
    pattern: NOTICE.source,
    example: 'privacy-2026-03',
    description: 'Which text the guest was shown',
  })
  @IsOptional()
  @Matches(NOTICE, { message: 'must consist of letters, digits and . _ : -, and begin with a letter or digit' })
  @MaxLength(64)
  @IsString()
  noticeVersion?: string | null;

  @ApiProperty({ enum: METHODS, description: 'How the guest told us' })
  @IsIn(METHODS)
  method: Method;

  @ApiPropertyOptional({
    format: 'date-time',
    description:
      'When the guest decided; now when absent. At most a minute ahead of our clock, which is then taken as now',
  })
  @MayBeAbsent()
  @IsInstant()
  at?: string;
}

export const wantedConsent = ({ at, noticeVersion = null, ...body }: RecordConsentBody): WantedConsent => ({
  ...body,
  noticeVersion,
  ...(at === undefined ? {} : { at: new Date(at) }),
});

export class ConsentPath extends IdPath {
  @ApiProperty({ format: 'uuid', description: 'As answers show it' })
  @Matches(UUID, { message: 'must be a UUID in lower case, as answers show it' })
  consentId: string;
}

export class ConsentView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) guestId: string;
  @ApiProperty({ enum: PURPOSES }) purpose: Purpose;
  @ApiProperty({ enum: DECISIONS }) decision: Decision;
  @ApiProperty({ type: 'string', nullable: true }) noticeVersion: string | null;
  @ApiProperty({ enum: METHODS }) method: Method;
  @ApiProperty({ format: 'date-time', description: 'When the guest decided' }) at: string;
  @ApiProperty({ format: 'date-time' }) recordedAt: string;
  @ApiProperty({ example: 'api-key:widget', description: 'Who told us' }) actor: string;
}

export class ConsentPageView {
  @ApiProperty({ type: [ConsentView] }) items: ConsentView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

export class ReceiptView {
  @ApiProperty({ enum: ['guest-manager/consent-receipt/v1'] }) version: string;
  @ApiProperty({ format: 'uuid', description: 'The id of the consent record' }) receiptId: string;
  @ApiProperty({ format: 'date-time', description: 'When the guest decided' }) timestamp: string;
  @ApiProperty({ format: 'date-time' }) recordedAt: string;
  @ApiProperty({ format: 'uuid', description: 'The id of the guest' }) subject: string;
  @ApiProperty({ enum: PURPOSES }) purpose: Purpose;
  @ApiProperty({ enum: DECISIONS }) decision: Decision;
  @ApiProperty({ type: 'string', nullable: true }) noticeVersion: string | null;
  @ApiProperty({ enum: METHODS }) method: Method;
}

export class SignedReceiptView {
  @ApiProperty({ type: ReceiptView, description: 'To read; what counts is the payload of `jws`' }) receipt: ReceiptView;
  @ApiProperty({
    description:
      'The receipt as a compact JWS (RFC 7515), signed with EdDSA over Ed25519 (RFC 8037); `kid` names a key of /v1/consents/keys. The same record gives the same bytes.',
    example: 'eyJhbGciOiJFZERTQSIsImtpZCI6ImsxIn0.eyJ2ZXJzaW9uIjoiMSJ9.c2lnbmF0dXJl',
  })
  jws: string;
}

export class PublicKeyView {
  @ApiProperty({ enum: ['OKP'] }) kty: string;
  @ApiProperty({ enum: ['Ed25519'] }) crv: string;
  @ApiProperty({ example: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', description: 'The public key, base64url' })
  x: string;
  @ApiProperty({ example: 'k1' }) kid: string;
  @ApiProperty({ enum: ['EdDSA'] }) alg: string;
  @ApiProperty({ enum: ['sig'] }) use: string;
}

export class KeySetView {
  @ApiProperty({ type: [PublicKeyView] }) keys: PublicKeyView[];
}

export const consentView = (record: ConsentRecord): ConsentView => ({
  id: record.id,
  guestId: record.guestId,
  purpose: record.purpose,
  decision: record.decision,
  noticeVersion: record.noticeVersion,
  method: record.method,
  at: record.at.toISOString(),
  recordedAt: record.recordedAt.toISOString(),
  actor: record.actor,
});

export const consentPageView = (page: ConsentPage): ConsentPageView => ({
  items: page.items.map(consentView),
  nextCursor: page.nextCursor,
});

export const signedReceiptView = ({ receipt, jws }: SignedReceipt): SignedReceiptView => ({ receipt, jws });

export const keySetView = (keys: readonly PublicKey[]): KeySetView => ({ keys: [...keys] });

/** Who comes too late sees the record that stands, the way a reader would; null when it is what was said at creation. */
export async function showingWhatStands(recorded: Promise<ConsentRecord>): Promise<ConsentRecord> {
  try {
    return await recorded;
  } catch (error) {
    if (!(error instanceof ConsentStale)) throw error;
    throw shownStale(error);
  }
}

export function shownStale(error: ConsentStale): AppError {
  const { kind, code, message, current } = error;
  return new AppError(kind, code, message, {
    extra: { current: current === null ? null : consentView(current) },
    cause: error,
  });
}
