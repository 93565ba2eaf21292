/**
 * Decides which levels may start one more request. A stream cannot be called back, so a level's reserve must
 * never be lent: `reserved` seats belong to the level whether it uses them or not, `cap` is the most it may
 * have. With
 *
 *   U = Σ used_p            H = Σ max(used_p, reserved_p)            C = seats
 *
 * level p may start one iff U < C, used_p < cap_p and (used_p < reserved_p ? H ≤ C : H < C). Each start
 * keeps H ≤ C; if C has shrunk below H, no level starts until enough requests have ended. As U ≤ H, and
 * U < H if a reserve is unused, H alone decides.
 */
import { type Level, levelCount } from '../../domain/vocabulary.ts';
import type { SchedulerSettings } from '../rules.ts';

const everyLevel = (1 << levelCount) - 1;

export class Seats {
  readonly #used = new Int32Array(levelCount);
  #reserved: readonly number[] = [];
  #cap: readonly number[] = [];
  #limit = 0;
  #inUse = 0;
  #held = 0;
  /** Bits of the levels that use fewer seats than their reserve. */
  #unusedReserve = 0;

  get limit(): number {
    return this.#limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Bits of the levels that may start by the seats in use; isBelowCap checks the caps. */
  get open(): number {
    if (this.#held < this.#limit) return everyLevel;
    return this.#held === this.#limit ? this.#unusedReserve : 0;
  }

  /** All free seats are reserved for other levels. */
  get isReserveOnly(): boolean {
    return this.#held >= this.#limit;
  }

  isBelowCap(level: Level): boolean {
    return (this.#used[level] ?? 0) < (this.#cap[level] ?? 0);
  }

  /** The number of seats that the level may still take. */
  roomFor(level: Level): number {
    if (this.#held > this.#limit) return 0;
    const used = this.#used[level] ?? 0;
    const unused = Math.max(this.reservedFor(level) - used, 0);
    return Math.max(Math.min(unused + this.#limit - this.#held, this.capOf(level) - used), 0);
  }

  reservedFor(level: Level): number {
    return this.#reserved[level] ?? 0;
  }

  capOf(level: Level): number {
    return this.#cap[level] ?? 0;
  }

  take(level: Level): void {
    this.add(level, 1);
  }

  free(level: Level): void {
    this.add(level, -1);
  }

  /** Changes the seats that the level uses by so many. */
  add(level: Level, by: number): void {
    const before = this.#used[level] ?? 0;
    const own = this.#reserved[level] ?? 0;
    const after = before + by;
    this.#used[level] = after;
    this.#inUse += by;
    this.#held += Math.max(after, own) - Math.max(before, own);
    if (after < own) this.#unusedReserve |= 1 << level;
    else this.#unusedReserve &= ~(1 << level);
  }

  configure({ reserved, cap }: Pick<SchedulerSettings, 'reserved' | 'cap'>, limit: number): void {
    this.#limit = limit;
    this.#cap = cap;
    this.#reserved = reservedWithin(reserved, limit);
    this.#held = 0;
    this.#unusedReserve = 0;
    for (let level = 0; level < levelCount; level++) {
      const used = this.#used[level] ?? 0;
      const own = this.#reserved[level] ?? 0;
      this.#held += Math.max(used, own);
      if (used < own) this.#unusedReserve |= 1 << level;
    }
  }
}

/** If the reserves leave no seat to share, they are cut from the worst level up. */
function reservedWithin(reserved: readonly number[], seats: number): readonly number[] {
  const cut = [...reserved];
  let excess = cut.reduce((sum, own) => sum + own, 0) - (seats - 1);
  for (let level = cut.length - 1; level >= 0 && excess > 0; level--) {
    const own = cut[level] ?? 0;
    cut[level] = Math.max(own - excess, 0);
    excess -= own;
  }
  return cut;
}
