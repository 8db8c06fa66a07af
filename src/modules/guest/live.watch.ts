import { tooManyStreams } from './guest.errors.js';
import type { Typing } from './ports/guest-channel.js';

export type WatchLimits = {
  readonly perGuest: number;
  readonly perProcess: number;
};

/** Streams end when people leave; sooner than this it is hardly worth asking again. */
const ROOM_AGAIN_MS = 10_000;

/** One stream's ear: it is woken when there may be news, and hears typing. What it does not pick up in time is replaced, never piled up. */
export class Watch {
  private isWoken = true;
  private ended = false;
  private typing: Typing | null = null;
  private wakeUp: () => void = () => undefined;

  constructor(readonly guestId: string) {}

  get isOver(): boolean {
    return this.ended;
  }

  end(): void {
    this.ended = true;
    this.wakeUp();
  }

  wake(): void {
    this.isWoken = true;
    this.wakeUp();
  }

  types(typing: Typing): void {
    this.typing = typing;
    this.wakeUp();
  }

  /** Resolves when there may be news, somebody types, or it is over. */
  async next(): Promise<'news' | Typing | 'over'> {
    while (!this.isOver) {
      if (this.isWoken) {
        this.isWoken = false;
        return 'news';
      }
      const { typing } = this;
      this.typing = null;
      if (typing !== null) return typing;
      await new Promise<void>((resolve) => (this.wakeUp = resolve));
    }
    return 'over';
  }
}

/** Every stream that is open in this process, by guest: at most so many, and each is told what concerns it. */
export class Watches {
  private readonly byGuest = new Map<string, Set<Watch>>();
  private count = 0;

  constructor(private readonly limits: WatchLimits) {}

  get guestIds(): string[] {
    return [...this.byGuest.keys()];
  }

  get size(): number {
    return this.count;
  }

  /** @throws AppError `events.too_many_streams` */
  add(guestId: string): Watch {
    if (this.count >= this.limits.perProcess) throw tooManyStreams('service', ROOM_AGAIN_MS);
    const others = this.byGuest.get(guestId) ?? new Set();
    if (others.size >= this.limits.perGuest) throw tooManyStreams('guest', ROOM_AGAIN_MS);
    const watch = new Watch(guestId);
    this.byGuest.set(guestId, others.add(watch));
    this.count += 1;
    return watch;
  }

  /** Ends it and forgets it. */
  remove(watch: Watch): void {
    watch.end();
    const others = this.byGuest.get(watch.guestId);
    if (others?.delete(watch) !== true) return;
    this.count -= 1;
    if (others.size === 0) this.byGuest.delete(watch.guestId);
  }

  endAll(): void {
    for (const watches of [...this.byGuest.values()]) for (const watch of [...watches]) this.remove(watch);
  }

  wake(guestId: string): void {
    this.byGuest.get(guestId)?.forEach((watch) => watch.wake());
  }

  types(typing: Typing): void {
    this.byGuest.get(typing.guestId)?.forEach((watch) => watch.types(typing));
  }
}
