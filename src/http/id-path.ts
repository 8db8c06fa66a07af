import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { UUID } from '../kernel/uuid.js';

/** The `{id}` of a path. */
export class IdPath {
  @ApiProperty({ format: 'uuid', description: 'As answers show it', example: '01890a5d-ac96-774b-bcce-b302099a8057' })
  @Matches(UUID, { message: 'must be a UUID in lower case, as answers show it' })
  id: string;
}
