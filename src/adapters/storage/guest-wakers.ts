import type { GroupCommitter } from './group-committer.js';

/** Tells those who listen in this process which guest a commit was about. */
export class GuestWakers {
  private readonly listeners: ((guestId: string) => void)[] = [];

  constructor(private readonly work: GroupCommitter) {}

  onChange(then: (guestId: string) => void): void {
    this.listeners.push(then);
  }

  /** Says, once and when the current unit is durable, that this guest or a message of it has changed. */
  changed(guestId: string): void {
    if (this.listeners.length === 0) return;
    this.work.memo(`wake:${guestId}`, () =>
      this.work.afterCommit(() => {
        for (const listener of this.listeners) listener(guestId);
      }),
    );
  }
}
