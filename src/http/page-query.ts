import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { MayBeAbsent, QueryInt } from './validation.js';

/** Which page of a list, for those of 100 unless asked otherwise. */
export class PageQuery {
  @ApiPropertyOptional({ description: '`nextCursor` of the page before' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(500)
  cursor?: string;

  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 500,
    default: 100,
    description: 'The most to answer at once',
  })
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 500 })
  limit?: number;
}
