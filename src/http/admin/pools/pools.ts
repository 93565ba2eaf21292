import type { Identities } from '../../../identity/identity.ts';
import type { ShownPool } from '../../../pool-settings/pool-settings.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { type PoolPatch, pool, poolList, poolPatch } from '../contract/pool.ts';

/** The parts of the pools' settings that these routes use. They throw `notFound` and `invalidRequest` themselves. */
export interface PoolService {
  list(): ShownPool[];
  find(name: string): ShownPool;
  /** Answers what is in effect afterwards. */
  put(name: string, patch: PoolPatch, actor: string): Promise<ShownPool>;
}

const url = '/scheduler/pools';
const config = { roles: admins };

export function poolRoutes(app: AdminApp, pools: PoolService, identities: Identities): void {
  app.get(
    url,
    { config, schema: { summary: 'List the settings of all pools', response: { 200: poolList } } },
    async () => ({ pools: pools.list() }),
  );

  app.get(
    `${url}/:name`,
    { config, schema: { summary: 'Show the settings of a pool', response: { 200: pool } } },
    async ({ params }) => pools.find(nameOf(params)),
  );

  app.put(
    `${url}/:name`,
    { config, schema: { summary: 'Change settings of a pool', body: poolPatch, response: { 200: pool } } },
    async request => pools.put(nameOf(request.params), request.body, await identities.nameOf(callerOf(request))),
  );
}

const nameOf = (params: unknown): string => (params as { name: string }).name;
