import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DataClasses } from '../../kernel/data-class.js';
import type { DataClass, Swept, Tally } from '../../kernel/data-class.js';
import { CrmStore } from './ports/crm.store.js';

/** Dead letters nobody has looked into for so long. What they are about is kept with the guest, and still not sent. */
@Injectable()
export class DeadLetterRetention implements DataClass, OnModuleInit {
  readonly name = 'crm-dead-letters';

  constructor(
    private readonly store: CrmStore,
    private readonly classes: DataClasses,
  ) {}

  onModuleInit(): void {
    this.classes.register(this);
  }

  preview(before: Date): Promise<Tally> {
    return this.store.countDeadLetters(before);
  }

  async sweep(before: Date, limit: number): Promise<Swept> {
    return { gone: await this.store.expireDeadLetters(before, limit), kept: 0 };
  }
}
