import type { Measure } from './http/measures.js';
import { BREAKER_STATES } from './modules/crm-sync/index.js';
import type { CrmStatus } from './modules/crm-sync/index.js';
import type { ErasureState } from './modules/guest/index.js';

/** How each CRM fares, as Prometheus collects it. */
export function crmMeasures(all: readonly CrmStatus[]): Measure[] {
  const of = (name: string, help: string, value: (status: CrmStatus) => number): Measure => ({
    name: `guest_manager_crm_${name}`,
    help,
    values: all.map((status) => ({ labels: { crm: status.crm }, value: value(status) })),
  });
  return [
    of('waiting_records', 'Records to be delivered; at most 10,000 are counted', ({ waiting }) => waiting),
    of('lag_seconds', 'For how long the oldest record has been due', ({ lagMs }) => lagMs / 1_000),
    of('chunks_under_way', 'Chunks sent and not answered', ({ chunksUnderWay }) => chunksUnderWay),
    of('dead_letters', 'Records the CRM would not take; at most 10,000 are counted', ({ deadLetters }) => deadLetters),
    {
      name: 'guest_manager_crm_breaker',
      help: '1 for the state the breaker is in, 0 for the others',
      values: all.flatMap(({ crm, breaker }) =>
        BREAKER_STATES.map((state) => ({ labels: { crm, state }, value: state === breaker ? 1 : 0 })),
      ),
    },
  ];
}

/** What is still to be erased, and what people have to see to. */
export const erasureMeasures = (unfinished: ReadonlyMap<ErasureState, number>): Measure[] => [
  {
    name: 'guest_manager_erasures',
    help: 'Erasures that are not done, by state; those that are incomplete wait for somebody',
    values: [...unfinished].map(([state, value]) => ({ labels: { state }, value })),
  },
];
