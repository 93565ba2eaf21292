import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import { success } from '../contract/contract.ts';
import {
  type NewSchedule,
  newSchedule,
  type Schedule,
  type ScheduleFilter,
  type ScheduleList,
  type SchedulePatch,
  type SchedulePreview,
  schedule,
  scheduleFilter,
  scheduleList,
  schedulePatch,
  schedulePreview,
} from '../contract/timing.ts';
import { rowIdOf } from '../validation.ts';

type Page = ScheduleFilter & { readonly limit: number; readonly offset: number };

/**
 * The parts of the schedules that these routes use. They throw `notFound`, `conflict` and `invalidRequest` themselves.
 */
export interface ScheduleService {
  list(filter: Page): Promise<ScheduleList>;
  create(input: NewSchedule, actor: string): Promise<Schedule>;
  update(id: number, patch: SchedulePatch, actor: string): Promise<Schedule>;
  remove(id: number, actor: string): Promise<void>;
  preview(filter: Page): SchedulePreview;
}

const config = { roles: admins };
const url = '/api-key-priority/schedules';
const whole = { limit: 100, offset: 0 };
const list = {
  config,
  schema: { summary: 'List schedules of mappings', querystring: scheduleFilter, response: { 200: scheduleList } },
};
const preview = {
  config,
  schema: {
    summary: 'Show the windows of the next seven days',
    querystring: scheduleFilter,
    response: { 200: schedulePreview },
  },
};
const create = {
  config,
  schema: { summary: 'Create a schedule of a mapping', body: newSchedule, response: { 201: schedule } },
};
const change = { config, schema: { summary: 'Change a schedule', body: schedulePatch, response: { 200: schedule } } };
const remove = { config, schema: { summary: 'Delete a schedule', response: { 200: success } } };

export function scheduleRoutes(app: AdminApp, timings: ScheduleService, identities: Identities): void {
  app.get(url, list, ({ query }) => timings.list({ ...whole, ...query }));

  app.get(`${url}/preview`, preview, async ({ query }) => timings.preview({ ...whole, ...query }));

  app.post(url, create, async (request, reply) =>
    reply.code(201).send(await timings.create(request.body, await identities.nameOf(callerOf(request)))),
  );

  app.put(`${url}/:id`, change, async request => {
    const id = rowIdOf(request.params, 'schedule');
    return timings.update(id, request.body, await identities.nameOf(callerOf(request)));
  });

  app.delete(`${url}/:id`, remove, async request => {
    const id = rowIdOf(request.params, 'schedule');
    await timings.remove(id, await identities.nameOf(callerOf(request)));
    return { success: true as const, message: `Schedule ${id} is deleted.` };
  });
}
