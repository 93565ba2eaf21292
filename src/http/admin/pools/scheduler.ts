import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../../domain/clock.ts';
import { errors } from '../../../domain/errors.ts';
import type { HeldBoost, LivePool, PresentRequest } from '../../../domain/live.ts';
import type { PoolStats } from '../../../domain/stats.ts';
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
import { LiveStreams, type PoolSteps } from './live-stream.ts';

/** One pool, as these routes see it. */
interface WatchedPool extends PoolSteps {
  stats(): PoolStats;
  live(tenantName: (flowId: string) => string | null): LivePool;
  find(requestId: string): PresentRequest | null;
  waiting(level: Level | null, limit: number): { requests: PresentRequest[]; total: number };
}

/** The parts of the lanes that these routes use. */
export interface LanesService {
  readonly clock: Clock;
  readonly stepMs: number;
  readonly pools: readonly WatchedPool[];
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
  schema: { summary: 'Find a request that waits or runs here', response: { 200: presentRequest } },
};

/** `isWelcome`: whether the caller of that request may go on looking. */
export function schedulerRoutes(
  app: AdminApp,
  lanes: () => LanesService,
  isWelcome: (request: FastifyRequest) => Promise<boolean>,
): void {
  app.get(`${url}/stats`, stats, async () => ({
    pools: lanes().pools.map(pool => pool.stats()),
    boosts: lanes().boosts(),
    x_priority: lanes().chosenLevels(),
  }));

  const streams = liveStreams(lanes);
  app.addHook('preClose', async () => streams.close());
  app.get(`${url}/stream`, stream, async (request, reply) => {
    streams.checkRoom();
    reply.hijack();
    streams.join(reply.raw, () => isWelcome(request));
  });

  app.get(`${url}/requests`, waiting, async ({ query }) => waitingIn(lanes().pools, query));

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
      histories: () => pools,
      lanes: () => {
        const { status, reasons } = database();
        return {
          database: status,
          database_reasons: reasons,
          pools: pools.map(pool => pool.live(tenantName)),
          boosts: boosts(),
          x_priority: chosenLevels(),
        };
      },
    };
  });

function waitingIn(pools: readonly WatchedPool[], filter: WaitingFilter): WaitingRequests {
  const { pool: name, level = null, limit = shownUnlessAsked } = filter;
  const asked = name === undefined ? pools : pools.filter(pool => pool.name === name);
  if (asked.length === 0) throw errors.invalidRequest(`There is no pool '${name}'.`, 'pool');
  const lists = asked.map(pool => pool.waiting(level as Level | null, limit));
  return {
    requests: lists
      .flatMap(({ requests }) => requests)
      .sort((a, b) => b.waited_ms - a.waited_ms)
      .slice(0, limit),
    total: lists.reduce((sum, { total }) => sum + total, 0),
  };
}

function foundIn(pools: readonly WatchedPool[], requestId: string): PresentRequest {
  const found = pools.map(pool => pool.find(requestId)).filter(request => request !== null);
  // Nothing keeps two clients from the same id: one that waits is looked for, not one that runs.
  const shown = found.find(({ state }) => state === 'waiting') ?? found[0];
  if (shown === undefined) {
    throw errors.notFound(
      `No request ${JSON.stringify(requestId.slice(0, 128))} waits or runs here: it has ended, or it is another gateway's.`,
    );
  }
  return shown;
}
