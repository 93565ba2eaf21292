import type { PoolStats } from '../../domain/stats.ts';
import type { HeldBoost } from '../../priority/priority.ts';
import { type AdminApp, admins } from './access.ts';
import { schedulerStats } from './pool-contract.ts';

interface StatsSources {
  readonly pools: () => PoolStats[];
  /** None in Personal, which has no mappings. */
  readonly boosts: () => HeldBoost[];
}

export function schedulerRoutes(app: AdminApp, { pools, boosts }: StatsSources): void {
  app.get(
    '/scheduler/stats',
    {
      config: { roles: admins },
      schema: { summary: 'Seats and lanes of every pool, and the boosts that hold', response: { 200: schedulerStats } },
    },
    async () => ({ pools: pools(), boosts: boosts() }),
  );
}
