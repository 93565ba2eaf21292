import type { PoolStats } from '../../domain/stats.ts';
import { type AdminApp, admins } from './access.ts';
import { schedulerStats } from './pool-contract.ts';

export function schedulerRoutes(app: AdminApp, poolStats: () => PoolStats[]): void {
  app.get(
    '/scheduler/stats',
    {
      config: { roles: admins },
      schema: { summary: 'Seats and lanes of every pool', response: { 200: schedulerStats } },
    },
    async () => ({ pools: poolStats() }),
  );
}
