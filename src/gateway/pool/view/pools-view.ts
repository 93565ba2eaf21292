/** All pools of this process, for whoever looks on. */
import type { LivePool, PresentRequest } from '../../../domain/shown/live.ts';
import type { PoolStats } from '../../../domain/shown/stats.ts';
import type { Level } from '../../../domain/vocabulary.ts';
import type { PoolView } from './pool-view.ts';
import type { TenantName } from './shown-share.ts';

/** Null: of all pools, or levels. */
export interface WaitingQuestion {
  readonly pool: string | null;
  readonly level: Level | null;
  readonly limit: number;
}

export interface Waiting {
  readonly requests: readonly PresentRequest[];
  readonly total: number;
}

export class PoolsView {
  /** Its owner adds and removes pools while it runs. */
  readonly pools: readonly PoolView[];

  constructor(pools: readonly PoolView[]) {
    this.pools = pools;
  }

  stats(): PoolStats[] {
    return this.pools.map(pool => pool.stats());
  }

  live(tenantName: TenantName): LivePool[] {
    return this.pools.map(pool => pool.live(tenantName));
  }

  /** Returns the number of waiting requests, and those that have waited longest. */
  waiting({ pool: name, level, limit }: WaitingQuestion): Waiting {
    const asked = this.pools.filter(pool => name === null || pool.name === name);
    const lists = asked.map(pool => pool.waiting(level, limit));
    return {
      requests: lists
        .flatMap(({ requests }) => requests)
        .sort((a, b) => b.waited_ms - a.waited_ms)
        .slice(0, limit),
      total: lists.reduce((sum, { total }) => sum + total, 0),
    };
  }

  /** Nothing keeps two clients from the same ID: one that waits is looked for, not one that runs. */
  find(requestId: string): PresentRequest | null {
    const found = this.pools.map(pool => pool.find(requestId)).filter(request => request !== null);
    return found.find(({ state }) => state === 'waiting') ?? found[0] ?? null;
  }
}
