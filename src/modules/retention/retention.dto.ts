import { ApiProperty } from '@nestjs/swagger';
import { AHEAD_DAYS } from './retention.js';
import type { Preview } from './retention.js';

export class DataClassView {
  @ApiProperty({
    example: 'message-texts',
    description:
      '`message-texts`: what was said, by the age of the message. `attachments`: files that wait for Genesys, and the addresses it has the others at, by the age of the file. `guests`: guests that are over with their hashes, messages, metric events ' +
      'and CRM records, by the date of their end. `origins`: IP addresses and user agents in the trail of what concerns no guest, by month. ' +
      '`crm-dead-letters`: what a CRM would not take, from when that was known. `idempotency-answers`: answers kept for repeated requests. ' +
      '`webhook-deliveries`: the log of what was sent to webhook endpoints. `widget-tokens`: hashes of tokens that have expired.',
  })
  name: string;
  @ApiProperty({ example: 30, minimum: 1, description: 'For how many days it is kept' }) days: number;
  @ApiProperty({
    description: 'How many are old enough. They go with the next hourly sweep, or when nothing needs them any more',
  })
  dueNow: number;
  @ApiProperty({ example: 40, description: `How many more will be old enough within ${AHEAD_DAYS} days` })
  dueWithin7Days: number;
  @ApiProperty({ type: 'string', format: 'date-time', nullable: true, description: 'The date of the oldest there is' })
  oldest: string | null;
}

export class RetentionView {
  @ApiProperty({ format: 'date-time' }) calculatedAt: string;
  @ApiProperty({ type: [DataClassView] }) classes: DataClassView[];
}

export const retentionView = (at: Date, previews: readonly Preview[]): RetentionView => ({
  calculatedAt: at.toISOString(),
  classes: previews.map(({ name, days, dueNow, dueSoon, oldest }) => ({
    name,
    days,
    dueNow,
    dueWithin7Days: dueSoon,
    oldest: oldest?.toISOString() ?? null,
  })),
});
