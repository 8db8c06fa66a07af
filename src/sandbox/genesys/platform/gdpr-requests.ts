import { randomUUID } from 'node:crypto';
import type { JsonObject } from '../../json.js';
import { account } from '../account.js';
import type { GdprOutcome, OrganizationSettings } from '../organization.js';

/** A request to erase. */
type Kept = {
  readonly id: string;
  readonly subject: Subject;
  readonly begunAt: number;
  readonly takesMs: number;
  /** Null while it is under way. */
  outcome: GdprOutcome | null;
};

/** `GDPRSubject`, known by its contact. */
export type Subject = JsonObject & { readonly externalContactId: string };

const STEPS = ['INITIATED', 'SEARCHING', 'DELETING'] as const;

/** The erasures that were asked for. What is to go is there until the time of its request is over, and all of it is there if that fails. */
export class GdprRequests {
  private kept = new Map<string, Kept>();
  private timers = new Set<NodeJS.Timeout>();

  constructor(
    private readonly settings: () => Pick<OrganizationSettings, 'gdprMs' | 'gdprOutcome'>,
    private readonly erase: (contactId: string) => void,
  ) {}

  begin(subject: Subject): object {
    const { gdprMs: takesMs, gdprOutcome } = this.settings();
    const request: Kept = { id: randomUUID(), subject, begunAt: Date.now(), takesMs, outcome: null };
    this.kept.set(request.id, request);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (gdprOutcome === 'COMPLETED') this.erase(subject.externalContactId);
      request.outcome = gdprOutcome;
    }, takesMs).unref();
    this.timers.add(timer);
    return view(request);
  }

  find(id: string): object | null {
    const request = this.kept.get(id);
    return request === undefined ? null : view(request);
  }

  /** Oldest first. */
  list(): object[] {
    return [...this.kept.values()].map(view);
  }

  clear(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.kept.clear();
  }
}

/** `GDPRRequest`. */
const view = (request: Kept): object => ({
  id: request.id,
  createdBy: { id: account.clientId, selfUri: `/api/v2/users/${account.clientId}` },
  requestType: 'GDPR_DELETE',
  createdDate: new Date(request.begunAt).toISOString(),
  status: statusOf(request),
  subject: request.subject,
  selfUri: `/api/v2/gdpr/requests/${request.id}`,
});

function statusOf({ begunAt, takesMs, outcome }: Kept): string {
  if (outcome !== null) return outcome;
  const part = Math.floor(((Date.now() - begunAt) / Math.max(1, takesMs)) * STEPS.length);
  return STEPS[Math.min(part, STEPS.length - 1)]!;
}
