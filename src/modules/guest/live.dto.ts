import type { Type } from '@nestjs/common';
import { ApiProperty, getSchemaPath } from '@nestjs/swagger';
import type { ApiResponseSchemaHost } from '@nestjs/swagger';
import type { StreamEvent } from '../../http/event-stream.js';
import { eventId } from './live.js';
import type { LiveEvent } from './live.js';
import { CLOSE_REASONS, GUEST_STATES } from './guest.js';
import { MessageView, messageView } from './message.dto.js';

export class TypingEventView {
  @ApiProperty({ enum: ['agent', 'bot'], example: 'agent' }) from: string;
  @ApiProperty({ description: 'How long to show it; 0 when they have stopped', example: 5_000 }) durationMs: number;
}

export class StateEventView {
  @ApiProperty({ enum: GUEST_STATES, example: 'active' }) state: string;
  @ApiProperty({ type: 'integer', example: 3 }) version: number;
  @ApiProperty({ type: 'integer', example: 1 }) interactionCount: number;
}

export class ClosedEventView {
  @ApiProperty({ enum: GUEST_STATES, example: 'closed' }) state: string;
  @ApiProperty({ type: 'integer', example: 5 }) version: number;
  @ApiProperty({ type: 'string', enum: [...Object.keys(CLOSE_REASONS), null], nullable: true, example: 'api' })
  closeReason: string | null;
}

const eventSchema = (event: string, data: Type): object => ({
  type: 'object',
  required: ['event', 'data'],
  properties: { event: { type: 'string', const: event }, data: { $ref: getSchemaPath(data) } },
});

/** A stream is a text to OpenAPI 3.1; what each event in it holds is said as JSON Schema says it of contents (2020-12 validation, §8). */
export const STREAM_SCHEMA = {
  type: 'string',
  contentMediaType: 'text/event-stream',
  contentSchema: {
    oneOf: [
      eventSchema('message', MessageView),
      eventSchema('typing', TypingEventView),
      eventSchema('state', StateEventView),
      eventSchema('closed', ClosedEventView),
    ],
  },
} as ApiResponseSchemaHost['schema'];

/** An event as it leaves; each lists its fields. */
function streamEvent(event: LiveEvent): StreamEvent {
  if (event.type === 'typing') return { event: 'typing', data: { from: event.from, durationMs: event.durationMs } };
  const id = eventId(event.place);
  switch (event.type) {
    case 'message':
      return { id, event: 'message', data: messageView(event.message) };
    case 'state': {
      const { state, interactionCount, place } = event;
      return { id, event: 'state', data: { state, version: place.version, interactionCount } };
    }
    case 'closed': {
      const { state, closeReason, place } = event;
      return { id, event: 'closed', data: { state, version: place.version, closeReason } };
    }
  }
}

export async function* streamEvents(events: AsyncGenerator<LiveEvent, void>): AsyncGenerator<StreamEvent, void> {
  for await (const event of events) yield streamEvent(event);
}

/** What OpenAPI cannot say about a stream in a schema, said in words. */
export const STREAM_DESCRIPTION = `Server-Sent Events (WHATWG HTML §9.2), to be read by \`fetch\` with the \`Authorization\` header; there are no tokens in URLs.

| event | data | id |
| --- | --- | --- |
| \`message\` | as in \`GET …/messages\`: \`id\`, \`from\`, \`status\`, \`text\`, \`at\`, \`attachments\`. The same \`id\` comes again when the status has changed. Without consent to data processing, \`text\` and what is said of files are null | yes |
| \`typing\` | \`from\`, \`durationMs\`: how long to show it, 0 when they have stopped | no |
| \`state\` | \`state\`, \`version\`, \`interactionCount\`, as they are now; the first event of a stream that begins without \`Last-Event-ID\` | yes |
| \`closed\` | \`state\`, \`version\`, \`closeReason\`. The last event; the stream ends | yes |

Without \`Last-Event-ID\` the stream begins now; read \`GET …/messages\` after its first event, and nothing is missed. With the \`id\` of the last event received, it goes on
behind that one: no stored event is lost or repeated, whichever instance answers. Messages come in the order in which they were stored; \`at\` says when they were said.
They come at once from the instance that stored them and within about a second from any other; typing is told only by the instance that holds the guest's socket.

A stream ends within 2 seconds when the token it was asked for with expires or is revoked; go on with a new token and the last id.

A comment comes every 15 seconds. A reader that takes nothing for 5 seconds while something waits for it is disconnected. A guest has at most 5 streams an instance.`;

export const STREAM_EXAMPLE = `retry: 2000

id: 748.0.3
event: state
data: {"state":"active","version":3,"interactionCount":1}

event: typing
data: {"from":"agent","durationMs":5000}

id: 751.12.3
event: message
data: {"id":"01890a5d-ac96-774b-bcce-b302099a8057","from":"agent","status":"received","text":"It is on its way.","at":"2026-01-01T09:00:00.000Z","attachments":[]}

: alive

`;
