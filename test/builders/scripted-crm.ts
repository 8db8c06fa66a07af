import type { Crm, CrmRecord, Verdict } from '../../src/modules/crm-sync/index.js';

/** A CRM as far as the service can see one: it holds records, and answers as the test says. */
export class ScriptedCrm implements Crm {
  readonly held = new Map<string, CrmRecord>();
  /** How often each record was taken. */
  readonly taken = new Map<string, number>();
  readonly calls: { ids: string[]; key: string }[] = [];
  /** What happens elsewhere while the CRM thinks. */
  meanwhile: () => Promise<void> = async () => undefined;
  answer: (records: readonly CrmRecord[]) => Verdict[] | Error = (records) =>
    records.map((_, index) => ({ index, status: 'updated' }));

  constructor(
    readonly id: string,
    readonly chunkSize = 8,
  ) {}

  async upsert(records: readonly CrmRecord[], key: string): Promise<Verdict[]> {
    this.calls.push({ ids: records.map(({ externalId }) => externalId), key });
    await this.meanwhile();
    const answer = this.answer(records);
    if (answer instanceof Error) throw answer;
    for (const { index, status } of answer) if (status !== 'refused' && status !== 'retry') this.take(records[index]!);
    return answer;
  }

  /** As if it had been sent and taken. */
  take(record: CrmRecord): void {
    this.held.set(record.externalId, record);
    this.taken.set(record.externalId, (this.taken.get(record.externalId) ?? 0) + 1);
  }

  async ping(): Promise<void> {}
}
