import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type { CrmField } from '../../modules/crm-sync/index.js';

/** What a CRM says of itself, and what of our settings does not go with it, one sentence each. */
export type Described = { readonly fields: readonly CrmField[]; readonly faults: readonly string[] };

/** How long a mapping that was found wrong is taken for wrong: somebody may be mending it. */
const RECHECK_MS = 60_000;

/**
 * Asks a CRM once whether it has the fields we write. A mapping that cannot work is our fault, not the records': they wait, instead of being
 * refused one by one.
 */
export class MappingCheck {
  private readonly logger = new Logger('crm');
  private asked: Promise<Described> | null = null;
  private askedAt = -Infinity;
  private isWrong = false;

  constructor(
    private readonly crm: string,
    private readonly ask: () => Promise<Described>,
  ) {}

  /** What the CRM has, and in the log what is missing. Asks anew. */
  async fields(): Promise<readonly CrmField[]> {
    this.asked = null;
    return (await this.described()).fields;
  }

  /** @throws AppError `crm.mapping_wrong` while the CRM lacks what the mapping names, or what asking for it met */
  async passed(): Promise<void> {
    if (this.isWrong && performance.now() - this.askedAt >= RECHECK_MS) this.asked = null;
    const { faults } = await this.described();
    if (faults.length === 0) return;
    throw new AppError('unavailable', 'crm.mapping_wrong', `The mapping does not fit: ${faults.join('; ')}.`);
  }

  /**
   * The same, asked anew: where a CRM answers alike that there is no such record and that there is no such field.
   * @throws AppError as `passed`
   */
  passedNow(): Promise<void> {
    this.asked = null;
    return this.passed();
  }

  private described(): Promise<Described> {
    this.asked ??= this.look();
    return this.asked;
  }

  private async look(): Promise<Described> {
    this.askedAt = performance.now();
    try {
      const described = await this.ask();
      this.isWrong = described.faults.length > 0;
      for (const fault of described.faults) this.logger.error('the mapping does not fit', { crm: this.crm, fault });
      return described;
    } catch (error) {
      this.asked = null;
      if (error instanceof AppError && error.kind !== 'refused') throw error;
      this.logger.error('the crm does not describe its fields', { crm: this.crm, code: errorCode(error), error });
      throw undescribed(error);
    }
  }
}

/** A description that is refused, or is no description, says nothing against the records that wait for it. */
const undescribed = (cause: unknown): AppError =>
  new AppError('unavailable', 'crm.unavailable', 'The CRM does not describe its fields.', { cause });
