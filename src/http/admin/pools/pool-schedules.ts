import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { pageQuery, success } from '../contract/contract.ts';
import {
  type NewPoolSchedule,
  newPoolSchedule,
  type PoolSchedule,
  type PoolScheduleList,
  type PoolSchedulePatch,
  type PoolSchedulePreview,
  poolSchedule,
  poolScheduleList,
  poolSchedulePatch,
  poolSchedulePreview,
} from '../contract/timing.ts';
import { rowIdOf } from '../validation.ts';

interface Page {
  readonly limit: number;
  readonly offset: number;
}

/**
 * The parts of the pools' schedules that these routes use. They throw `notFound`, `conflict` and `invalidRequest`
 * themselves.
 */
export interface PoolScheduleService {
  list(pool: string, page: Page): PoolScheduleList;
  create(pool: string, input: NewPoolSchedule, actor: string): Promise<PoolSchedule>;
  update(pool: string, id: number, patch: PoolSchedulePatch, actor: string): Promise<PoolSchedule>;
  remove(pool: string, id: number, actor: string): Promise<void>;
  preview(pool: string, page: Page): PoolSchedulePreview;
}

const config = { roles: admins };
const url = '/scheduler/pools/:name/schedules';
const whole = { limit: 100, offset: 0 };
const nameOf = (params: unknown): string => (params as { name: string }).name;
const list = {
  config,
  schema: { summary: 'List schedules of a pool', querystring: pageQuery, response: { 200: poolScheduleList } },
};
const preview = {
  config,
  schema: {
    summary: 'Show the windows of a pool in the next seven days',
    querystring: pageQuery,
    response: { 200: poolSchedulePreview },
  },
};
const create = {
  config,
  schema: { summary: 'Create a schedule of a pool', body: newPoolSchedule, response: { 201: poolSchedule } },
};
const change = {
  config,
  schema: { summary: 'Change a schedule of a pool', body: poolSchedulePatch, response: { 200: poolSchedule } },
};
const remove = { config, schema: { summary: 'Delete a schedule of a pool', response: { 200: success } } };

export function poolScheduleRoutes(app: AdminApp, pools: PoolScheduleService, identities: Identities): void {
  app.get(url, list, async ({ params, query }) => pools.list(nameOf(params), { ...whole, ...query }));

  app.get(`${url}/preview`, preview, async ({ params, query }) =>
    pools.preview(nameOf(params), { ...whole, ...query }),
  );

  app.post(url, create, async (request, reply) => {
    const actor = await identities.nameOf(callerOf(request));
    return reply.code(201).send(await pools.create(nameOf(request.params), request.body, actor));
  });

  app.put(`${url}/:id`, change, async request => {
    const id = rowIdOf(request.params, 'schedule');
    return pools.update(nameOf(request.params), id, request.body, await identities.nameOf(callerOf(request)));
  });

  app.delete(`${url}/:id`, remove, async request => {
    const id = rowIdOf(request.params, 'schedule');
    await pools.remove(nameOf(request.params), id, await identities.nameOf(callerOf(request)));
    return { success: true as const, message: `Schedule ${id} is deleted.` };
  });
}
