/** The pools, as admin routes see them: those of this gateway or, in a fleet, those of all gateways. */
import type { FleetSight } from '../../../domain/shown/fleet.ts';
import type { LivePool, Point, PresentRequest } from '../../../domain/shown/live.ts';
import type { PoolStats } from '../../../domain/shown/stats.ts';
import type { PoolsView, Waiting, WaitingQuestion } from '../../../gateway/pool/view/pools-view.ts';
import type { TenantName } from '../../../gateway/pool/view/shown-share.ts';

/** In a fleet, with how much of it that is. */
type Seen<What> = What & { readonly fleet?: FleetSight };

export interface PoolSteps {
  readonly name: string;
  /** The number of the last step that has ended. */
  readonly newestStep: number;
  points(after?: number): readonly Point[];
}

/** The promises reject with `unavailable` where the gateway that knows does not answer. */
export interface WatchedPools {
  stats(): Promise<Seen<{ readonly pools: readonly PoolStats[] }>>;
  waiting(question: WaitingQuestion): Promise<Seen<Waiting>>;
  find(requestId: string): Promise<Seen<{ readonly request: PresentRequest | null }>>;
  /** Has `live` and `histories` tell the present; null: they always do. */
  refresh(): Promise<void> | null;
  live(tenantName: TenantName): Seen<{ readonly pools: readonly LivePool[] }>;
  readonly histories: readonly PoolSteps[];
  /** Changes with whoever counts the steps of the histories. */
  readonly era: string;
}

/** Of a gateway that belongs to no fleet. */
export const ownPools = (view: PoolsView): WatchedPools => ({
  stats: async () => ({ pools: view.stats() }),
  waiting: async question => view.waiting(question),
  find: async requestId => ({ request: view.find(requestId) }),
  refresh: () => null,
  live: tenantName => ({ pools: view.live(tenantName) }),
  histories: view.pools,
  era: '',
});
