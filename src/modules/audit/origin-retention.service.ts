import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DataClasses } from '../../kernel/data-class.js';
import type { DataClass, Swept, Tally } from '../../kernel/data-class.js';
import { Vault } from '../../kernel/vault.js';
import { monthEnd, originMonths, originsOf } from './audit.js';

/**
 * From where the service was called, as far as it stands in chains that belong to no guest. Entries are never changed: a month's key is
 * destroyed as a whole, once all of the month is old enough, and its origins cannot be read any more.
 */
@Injectable()
export class OriginRetention implements DataClass, OnModuleInit {
  readonly name = 'origins';

  constructor(
    private readonly vault: Vault,
    private readonly classes: DataClasses,
  ) {}

  onModuleInit(): void {
    this.classes.register(this);
  }

  /** Counts months. */
  async preview(before: Date): Promise<Tally> {
    const months = await this.held(before);
    const count = months.filter((month) => monthEnd(month) <= before).length;
    return { count, oldest: months[0] ?? null };
  }

  async sweep(before: Date, limit: number): Promise<Swept> {
    const old = (await this.held(before)).filter((month) => monthEnd(month) <= before).slice(0, limit);
    for (const month of old) await this.vault.destroy(originsOf(month));
    return { gone: old.length, kept: 0 };
  }

  /** The months whose origins can still be read, oldest first. */
  private async held(around: Date): Promise<Date[]> {
    const months = originMonths(around);
    const holding = new Set(await this.vault.holding(months.map(originsOf)));
    return months.filter((month) => holding.has(originsOf(month)));
  }
}
