import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bar, Progress } from './progress.js';
import { serviceClient, ServiceError } from './service-client.js';
import type { ServiceClient } from './service-client.js';

type Status = {
  readonly crm: string;
  readonly breaker: string;
  readonly waiting: number;
  readonly isExact: boolean;
  readonly lagMs: number;
  readonly deadLetters: number;
  readonly lastError: { readonly code: string; readonly at: string } | null;
};
type Reconciliation = {
  readonly id: string;
  readonly state: string;
  readonly records: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly proposed: number;
  readonly repaired: number;
  readonly code: string | null;
};
type Options = { readonly crm?: string; readonly code?: string; readonly repair?: boolean; readonly wait?: boolean };

const USAGE = `Usage: guest-manager crm status
       guest-manager crm replay --crm <name> [--code <code>] [--wait]
       guest-manager crm reconcile --crm <name> [--repair]

Speaks to the service at GUEST_MANAGER_URL (http://localhost:3000) with GUEST_MANAGER_API_KEY.
Exit codes: 0 all is well; 1 a CRM is not called, has dead letters, or is not as it should be; 64 not understood; 69 the service cannot do it.`;
const NOT_WELL = 1;
const USAGE_ERROR = 64;
const UNAVAILABLE = 69;
const LOOK_MS = 500;

export async function run(args: string[]): Promise<number> {
  const asked = understood(args);
  if (asked === null) {
    console.error(USAGE);
    return USAGE_ERROR;
  }
  try {
    return await asked(serviceClient(process.env));
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    console.error(error.message);
    return UNAVAILABLE;
  }
}

/** What was asked for; null when it cannot be understood. */
function understood(args: string[]): ((service: ServiceClient) => Promise<number>) | null {
  const parsed = parsedArgs(args);
  if (parsed === null || parsed.positionals.length !== 1) return null;
  const [name] = parsed.positionals;
  const { crm, ...options } = parsed.values;
  if (name === 'status') return status;
  if (crm === undefined) return null;
  if (name === 'replay') return (service) => replay(service, crm, options);
  if (name === 'reconcile') return (service) => reconcile(service, crm, options.repair === true);
  return null;
}

function parsedArgs(args: string[]): { readonly values: Options; readonly positionals: string[] } | null {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        crm: { type: 'string' },
        code: { type: 'string' },
        repair: { type: 'boolean' },
        wait: { type: 'boolean' },
      },
    });
  } catch {
    return null;
  }
}

const statuses = async (service: ServiceClient): Promise<Status[]> =>
  (await service.get<{ items: Status[] }>('/v1/crm-sync')).items;

async function status(service: ServiceClient): Promise<number> {
  const all = await statuses(service);
  for (const { crm, breaker, waiting, isExact, lagMs, deadLetters, lastError } of all) {
    const queue = `${isExact ? '' : 'over '}${waiting} waiting, ${Math.round(lagMs / 1_000)} s behind, ${deadLetters} dead letters`;
    const last = lastError === null ? '' : `, last failed with ${lastError.code} at ${lastError.at}`;
    console.log(`${crm.padEnd(18)} ${breaker.padEnd(9)} ${queue}${last}`);
  }
  return all.some(({ breaker, deadLetters }) => breaker !== 'closed' || deadLetters > 0) ? NOT_WELL : 0;
}

async function replay(service: ServiceClient, crm: string, { code, wait = false }: Options): Promise<number> {
  const asked = { crm, ...(code === undefined ? {} : { code }) };
  const { replayed } = await service.post<{ replayed: number }>('/v1/crm-sync/dead-letters/replay', asked);
  console.log(`${replayed} dead letters of ${crm} are on their way again.`);
  return wait && replayed > 0 ? drained(service, crm) : 0;
}

/** Waits until nothing is left to be sent to a CRM. */
async function drained(service: ServiceClient, crm: string): Promise<number> {
  const progress = new Progress();
  let most = 0;
  for (;;) {
    const now = (await statuses(service)).find((each) => each.crm === crm);
    if (now === undefined) throw new ServiceError(`${crm} is not on any more.`);
    most = Math.max(most, now.waiting);
    progress.show(`sending ${bar(most - now.waiting, most)}`);
    if (now.waiting === 0) {
      progress.end();
      return now.deadLetters > 0 ? NOT_WELL : 0;
    }
    await sleep(LOOK_MS);
  }
}

async function reconcile(service: ServiceClient, crm: string, repair: boolean): Promise<number> {
  const { id } = await service.post<Reconciliation>('/v1/crm-sync/reconciliations', { crm });
  const path = `/v1/crm-sync/reconciliations/${id}`;
  let found = await followed(service, path);
  console.log(
    `${found.missing} missing, ${found.different} different, ${found.extra} extra of ${found.records} records: ${id}`,
  );
  if (found.state === 'failed') throw new ServiceError(`${crm} could not be read to its end: ${found.code ?? ''}`);
  if (repair && found.state === 'found' && found.proposed > 0) {
    await service.post(`${path}/repair`);
    found = await followed(service, path);
  }
  if (found.state === 'repaired') console.log(`${found.repaired} records are on their way again.`);
  const isLeft = found.extra > 0 || (found.state === 'found' && found.proposed > 0);
  return isLeft ? NOT_WELL : 0;
}

async function followed(service: ServiceClient, path: string): Promise<Reconciliation> {
  const progress = new Progress();
  for (;;) {
    const now = await service.get<Reconciliation>(path);
    const isRepair = now.state === 'repairing' || now.state === 'repaired';
    progress.show(`${now.state} ${isRepair ? bar(now.repaired, now.proposed) : bar(now.records, null)}`);
    if (['found', 'repaired', 'failed'].includes(now.state)) {
      progress.end();
      return now;
    }
    await sleep(LOOK_MS);
  }
}
