import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../domain/clock.ts';
import { errors } from '../../../domain/errors.ts';
import type { HeldBoost, PresentRequest } from '../../../domain/shown/live.ts';
import type { Level } from '../../../domain/vocabulary.ts';
import { type AdminApp, admins } from '../access.ts';
import {
  historyEvent,
  type LanesEvent,
  lanesEvent,
  pointEvent,
  presentRequest,
  type WaitingFilter,
  type WaitingRequests,
  waitingFilter,
  waitingRequests,
} from '../contract/live.ts';
import { type ChosenLevels, schedulerStats } from '../contract/pool.ts';
import { LiveStreams } from './live-stream.ts';
import type { WatchedPools } from './watched-pools.ts';

/** The parts of the lanes that these routes use. */
export interface LanesService {
  readonly clock: Clock;
  readonly stepMs: number;
  readonly pools: WatchedPools;
  /** The names of this gateway's pools. */
  readonly poolNames: readonly string[];
  readonly tenantName: (flowId: string) => string | null;
  readonly database: () => { readonly status: LanesEvent['database']; readonly reasons: readonly string[] };
  /** None in Personal, which has no mappings. */
  readonly boosts: () => HeldBoost[];
  readonly chosenLevels: () => ChosenLevels;
}

const config = { roles: admins };
const url = '/scheduler';
const shownUnlessAsked = 100;
const stats = {
  config,
  schema: {
    summary: 'Seats and lanes of every pool, the boosts that hold, and who raised itself',
    response: { 200: schedulerStats },
  },
};
const stream = {
  config,
  exposeHeadRoute: false,
  schema: {
    summary: 'The lanes of every pool while they move, and their last ten minutes',
    answersEvents: { history: historyEvent, lanes: lanesEvent, point: pointEvent },
  },
};
const waiting = {
  config,
  schema: {
    summary: 'List the requests that wait, the longest wait first',
    querystring: waitingFilter,
    response: { 200: waitingRequests },
  },
};
const present = {
  config,
  schema: { summary: 'Find a request that waits or runs', response: { 200: presentRequest } },
};

/** `isWelcome`: whether the caller of that request may go on looking. */
export function schedulerRoutes(
  app: AdminApp,
  lanes: () => LanesService,
  isWelcome: (request: FastifyRequest) => Promise<boolean>,
): void {
  app.get(`${url}/stats`, stats, async () => {
    const { pools, boosts, chosenLevels } = lanes();
    const { pools: counted, ...seen } = await pools.stats();
    return { pools: counted, boosts: boosts(), x_priority: chosenLevels(), ...seen };
  });

  const streams = liveStreams(lanes);
  app.addHook('preClose', async () => streams.close());
  app.get(`${url}/stream`, stream, async (request, reply) => {
    await lanes().pools.refresh();
    streams.checkRoom();
    reply.hijack();
    streams.join(reply.raw, () => isWelcome(request));
  });

  app.get(`${url}/requests`, waiting, async ({ query }) => waitingIn(lanes(), query));

  app.get(`${url}/requests/:request_id`, present, async ({ params }) =>
    foundIn(lanes().pools, (params as { request_id: string }).request_id),
  );
}

const liveStreams = (lanes: () => LanesService): LiveStreams =>
  new LiveStreams(() => {
    const { clock, stepMs, pools, tenantName, database, boosts, chosenLevels } = lanes();
    return {
      clock,
      stepMs,
      histories: () => pools.histories,
      refresh: () => pools.refresh(),
      era: () => pools.era,
      lanes: () => {
        const { status, reasons } = database();
        const { pools: live, ...seen } = pools.live(tenantName);
        return {
          database: status,
          database_reasons: reasons,
          pools: live,
          boosts: boosts(),
          x_priority: chosenLevels(),
          ...seen,
        };
      },
    };
  });

async function waitingIn({ pools, poolNames }: LanesService, filter: WaitingFilter): Promise<WaitingRequests> {
  const { pool = null, level = null, limit = shownUnlessAsked } = filter;
  if (pool !== null && !poolNames.includes(pool)) throw errors.invalidRequest(`There is no pool '${pool}'.`, 'pool');
  return pools.waiting({ pool, level: level as Level | null, limit });
}

async function foundIn(pools: WatchedPools, requestId: string): Promise<PresentRequest> {
  const { request, fleet } = await pools.find(requestId);
  if (request !== null) return request;
  const shown = `No request ${JSON.stringify(requestId.slice(0, 128))} waits or runs`;
  if (fleet === undefined) throw errors.notFound(`${shown} here: it has ended, or it is another gateway's.`);
  if (fleet.complete) throw errors.notFound(`${shown} on any gateway of the fleet: it has ended.`);
  throw errors.unavailable(`${shown}, as far as the gateways tell that answer. ${fleet.reason}.`, 1);
}
