import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DataClasses } from '../kernel/data-class.js';
import type { DataClass, Swept, Tally } from '../kernel/data-class.js';
import { IdempotencyStore } from './idempotency.store.js';

/** Answers nobody can ask for any more. */
@Injectable()
export class IdempotencyRetention implements DataClass, OnModuleInit {
  readonly name = 'idempotency-answers';

  constructor(
    private readonly answers: IdempotencyStore,
    private readonly classes: DataClasses,
  ) {}

  onModuleInit(): void {
    this.classes.register(this);
  }

  preview(before: Date): Promise<Tally> {
    return this.answers.count(before);
  }

  async sweep(before: Date, limit: number): Promise<Swept> {
    return { gone: await this.answers.purge(before, limit), kept: 0 };
  }
}
