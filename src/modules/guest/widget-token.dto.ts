import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsInt, Max, Min, ValidateBy } from 'class-validator';
import { MayBeAbsent } from '../../http/validation.js';
import { WIDGET_SCOPES } from '../../http/widget-tokens.js';
import { WIDGET_TOKEN_SECONDS } from './widget-token.js';
import type { HandedOut } from './widget-token.service.js';

const MOST_ORIGINS = 10;

/** As a browser sends it, and encrypted: anybody between an http page and us could take the token from it. A developer's own machine is excepted. */
const isPageOrigin = (text: unknown): boolean => {
  if (typeof text !== 'string' || text.length > 255 || !URL.canParse(text)) return false;
  const { origin, protocol, hostname } = new URL(text);
  // A pattern would be compared as it is, and no page would ever be found in it.
  if (hostname.includes('*')) return false;
  return (
    origin === text && (protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.0\.0\.1)$/.test(hostname)))
  );
};

const pageOrigin =
  'must name origins as browsers send them: https://host, without a path, in lower case, each by its whole name';

export class MakeWidgetTokenBody {
  @ApiProperty({
    type: [String],
    minItems: 1,
    maxItems: MOST_ORIGINS,
    uniqueItems: true,
    description: 'The pages that may use the token; http only on localhost',
    example: ['https://www.example.com'],
  })
  @IsArray()
  @ArrayMinSize(1, { message: 'must name at least one origin' })
  @ArrayMaxSize(MOST_ORIGINS, { message: `must name at most ${MOST_ORIGINS} origins` })
  @ArrayUnique({ message: 'must not name an origin twice' })
  @ValidateBy(
    { name: 'pageOrigin', validator: { validate: isPageOrigin, defaultMessage: () => pageOrigin } },
    { each: true, message: pageOrigin },
  )
  origins: string[];

  @ApiPropertyOptional({
    type: 'integer',
    minimum: WIDGET_TOKEN_SECONDS.min,
    maximum: WIDGET_TOKEN_SECONDS.max,
    default: WIDGET_TOKEN_SECONDS.default,
    description: 'Seconds',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(WIDGET_TOKEN_SECONDS.min)
  @Max(WIDGET_TOKEN_SECONDS.max)
  expiresIn?: number;
}

export class WidgetTokenView {
  @ApiProperty({
    example: 'wt_3q2-7wQx0dVZb1m8n5p4r6s7t8u9v0w1x2y3z4A5B6C',
    description: 'Shown once; only its hash is kept',
  })
  token: string;
  @ApiProperty({ format: 'uuid', description: 'Its name in the audit trail' }) tokenId: string;
  @ApiProperty({ format: 'date-time' }) expiresAt: string;
  @ApiProperty({ type: [String], example: WIDGET_SCOPES }) scopes: string[];
}

export const widgetTokenView = ({ token, id, expiresAt }: HandedOut): WidgetTokenView => ({
  token,
  tokenId: id,
  expiresAt: expiresAt.toISOString(),
  scopes: [...WIDGET_SCOPES],
});
