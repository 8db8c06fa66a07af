import { HttpService } from '@nestjs/axios';
import type { CrmFailure, CrmLab } from '../../modules/crm-sync/ports/crm.contract.js';
import { startSandbox } from '../../sandbox/sandbox.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { CrmHttp } from './crm-http.js';
import type { CrmAdapter } from './define-crm.js';

// The specs' own tools. The name keeps them out of the build, as with contracts.

const HTML = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };

const EFFECTS: Readonly<Record<CrmFailure, object>> = {
  silent: { drop: true },
  broken: { status: 500 },
  busy: { status: 429, headers: { 'retry-after': '1' } },
  'busy for it does not say how long': { status: 429 },
  'out of quota': { quota: true },
  'locked to us': { status: 401 },
  'forbidden to us': { status: 403 },
  'silent after it took everything': { dropAfterAccepting: true },
  'cut off in its answer': { halfAnswer: true },
  'not itself': HTML,
  'against the whole chunk': { status: 400 },
  'against its size': { status: 413 },
};

/** How the lab of a CRM differs from that of others. */
export type LabWays = {
  /** Effects of this CRM's own, or null for what it cannot do. */
  readonly effects?: Partial<Record<CrmFailure, object | null>>;
  /** How the campaign of a record looks to this CRM. */
  readonly campaign: (campaignId: string) => object;
  /** Variables of its own that differ from the sandbox's; undefined for one that is not there. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A 401 is met with a new login and one repeat. */
  readonly logsInAgain?: boolean;
};

/** The adapter of a CRM against the sandbox's. */
export async function sandboxLab(
  adapter: (sandbox: Sandbox) => CrmAdapter,
  { effects = {}, campaign, env = {}, logsInAgain = false }: LabWays,
): Promise<
  CrmLab & {
    readonly fault: (effect: object, match?: string, times?: number) => Promise<void>;
    readonly sandbox: Sandbox;
  }
> {
  const sandbox = await startSandbox({ port: 0 });
  const { id, open } = adapter(sandbox);
  const call = (path: string, body?: object): Promise<Response> =>
    fetch(`${sandbox.url}/sandbox${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const records = async () => (await (await call(`/crm/${id}/records`)).json()) as { externalId: string }[];
  const fault = async (effect: object, match = 'upsert', times = 1): Promise<void> => {
    const answer = await call('/faults', { target: `crm/${id}`, match, effect, times });
    expect(answer.status).toBe(201);
  };
  return {
    sandbox,
    crm: open({ ...sandbox.crmEnvironments[id], ...env }, new CrmHttp(new HttpService())),
    held: async () => (await records()).map(({ externalId }) => externalId),
    kept: async (wanted) => (await records()).find(({ externalId }) => externalId === wanted)!,
    fail: async (how) => {
      const effect = { ...EFFECTS, ...effects }[how];
      if (effect === null) return false;
      await fault(effect, 'upsert', how === 'locked to us' && logsInAgain ? 2 : 1);
      return true;
    },
    refuse: (campaignId, wholeBatch = false) =>
      fault({ refuseRecords: campaign(campaignId), ...(wholeBatch ? { wholeBatch } : {}) }, 'upsert', 1_000),
    fault,
    close: () => sandbox.close(),
  };
}
