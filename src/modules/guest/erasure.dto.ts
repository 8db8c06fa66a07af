import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, Matches } from 'class-validator';
import { EXAMPLE_ID } from '../../http/openapi.examples.js';
import { PageQuery } from '../../http/page-query.js';
import { MayBeAbsent } from '../../http/validation.js';
import { ERASURE_STATES, OUTCOMES, stateOf } from './erasure.js';
import type { Erasure, ErasureState, Place } from './erasure.js';

const PLACE_STATES = ['waiting', 'asked', 'done', 'open'] as const satisfies readonly Place['state'][];

export class DoneByHandBody {
  @ApiProperty({ example: 'genesys', description: 'The name of a place' })
  @Matches(/^(genesys|crm\/[a-z0-9-]{1,64})$/, { message: 'must be the name of a place, as the erasure shows it' })
  place: string;
}

export class ListErasuresQuery extends PageQuery {
  @ApiPropertyOptional({ enum: ERASURE_STATES, description: 'Only erasures in this state' })
  @MayBeAbsent()
  @IsIn(ERASURE_STATES)
  state?: ErasureState;
}

export class PlaceView {
  @ApiProperty({ example: 'crm/rest', description: '`crm/<id>` or `genesys`' }) name: string;
  @ApiProperty({
    enum: PLACE_STATES,
    description:
      '`waiting`: still to be done, and tried again by itself. `asked`: Genesys Cloud was asked, and takes days. `done`. `open`: somebody has to see to it, by hand or by ' +
      'mending what `code` says and asking for the erasure again.',
  })
  state: Place['state'];
  @ApiProperty({
    type: 'string',
    nullable: true,
    enum: [...OUTCOMES, null],
    description:
      '`deleted`; `emptied` of all but its key; `absent`: nothing was there; `erased` by Genesys Cloud’s own process (GDPR API); `by-hand`, as somebody has told. Null before it is done.',
  })
  outcome: Place['outcome'];
  @ApiProperty({
    type: 'string',
    nullable: true,
    example: null,
    description:
      'What keeps it from being done: `genesys.no_conversation` (none became known here, and there may be one), `genesys.no_contact` (no external contact is known of the conversations), `genesys.erasure_off`, `genesys.erasure_failed`, ' +
      '`genesys.forbidden`, `crm.cannot_erase`, `crm.not_found` (it is switched off), `erasure.genesys_first` (it is done after Genesys Cloud), `crm.still_on_its_way` (a record was under way there, which takes 30 seconds), or the code of the last failure.',
  })
  code: string | null;
  @ApiProperty({ format: 'date-time', description: 'Since when it stands like that' }) date: string;
  @ApiPropertyOptional({ type: [String], description: 'Where to look at Genesys Cloud, until it is done' })
  conversationIds?: string[];
  @ApiPropertyOptional({ type: [String], description: 'External contacts that Genesys Cloud is to erase' })
  contactIds?: string[];
  @ApiPropertyOptional({ type: [String], description: 'Of Genesys Cloud’s GDPR API' }) requestIds?: string[];
}

export class ErasureView {
  @ApiProperty({ format: 'uuid' }) id: string;
  @ApiProperty({ format: 'uuid' }) guestId: string;
  @ApiProperty({
    enum: ERASURE_STATES,
    description:
      '`ending`: nothing leaves of the guest any more, and its session is being ended, for five minutes at most. `under-way`: nothing is kept here any more, other places follow. ' +
      '`erased` everywhere. `incomplete`: places are `open`, whatever else is under way.',
  })
  state: ErasureState;
  @ApiProperty({ format: 'date-time' }) requestedDate: string;
  @ApiProperty({
    type: 'string',
    format: 'date-time',
    nullable: true,
    description: 'Since when nothing is kept of the guest here',
  })
  erasedDate: string | null;
  @ApiProperty({ type: [PlaceView], description: 'Where else something about the guest is, or was' })
  places: PlaceView[];
}

export class ErasurePageView {
  @ApiProperty({ type: [ErasureView] }) items: ErasureView[];
  @ApiProperty({ type: 'string', nullable: true }) nextCursor: string | null;
}

function placeView(place: Place): PlaceView {
  const { name, state, outcome, code, at: date } = place;
  const view = { name, state, outcome, code, date };
  if (place.kind === 'crm') return view;
  const requestIds = place.contacts.flatMap(({ requestId }) => requestId ?? []);
  const contactIds = place.contacts.map(({ id }) => id);
  return { ...view, conversationIds: place.conversations.map(({ id }) => id), contactIds, requestIds };
}

export const erasureView = (erasure: Erasure): ErasureView => ({
  id: erasure.id,
  guestId: erasure.guestId,
  state: stateOf(erasure),
  requestedDate: erasure.requestedAt.toISOString(),
  erasedDate: erasure.erasedAt?.toISOString() ?? null,
  places: erasure.places.map(placeView),
});

export const EXAMPLE_ERASURE: ErasureView = {
  id: EXAMPLE_ID,
  guestId: EXAMPLE_ID,
  state: 'under-way',
  requestedDate: '2026-01-01T09:00:00.000Z',
  erasedDate: '2026-01-01T09:00:00.000Z',
  places: [
    { name: 'crm/rest', state: 'done', outcome: 'deleted', code: null, date: '2026-01-01T09:00:01.000Z' },
    {
      ...{ name: 'genesys', state: 'asked', outcome: null, code: null, date: '2026-01-01T09:00:01.000Z' },
      ...{ conversationIds: [EXAMPLE_ID], contactIds: [EXAMPLE_ID], requestIds: [EXAMPLE_ID] },
    },
  ],
};
