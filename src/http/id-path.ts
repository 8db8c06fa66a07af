import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { UUID } from '../kernel/uuid.js';

/** The `{id}` of a path. */
export class IdPath {
  @ApiProperty({ format: 'uuid' })
  @Matches(UUID, { message: 'must be a UUID in lower case, as answers show it' })
  id: string;
}
