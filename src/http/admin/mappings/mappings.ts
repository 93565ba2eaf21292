import { Type } from 'typebox';
import type { Identities } from '../../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from '../access.ts';
import {
  type Mapping,
  type MappingPatch,
  mapping,
  mappingPatch,
  type NewMapping,
  newMapping,
  type Reloaded,
  reloaded,
  success,
} from '../contract/contract.ts';
import { type Finding, writtenMapping } from '../contract/inspect.ts';
import { dryRunQuery, type Tried, tried } from '../contract/transfer.ts';
import { rowIdOf } from '../validation.ts';
import { type WriteBy, withEtag, writeBy } from './write-by.ts';

/** The parts of the mapper that these routes use. They throw `notFound`, `conflict` and `invalidRequest` themselves. */
export interface MappingService {
  find(id: number): Promise<Mapping>;
  create(input: NewMapping, createdBy: string): Promise<Mapping>;
  update(id: number, patch: MappingPatch, by: WriteBy): Promise<Mapping>;
  remove(id: number, by: WriteBy): Promise<unknown>;
  reload(): Promise<{ readonly usable: number; readonly durationMs: number }>;
}

/** Returns lint's findings about a row that was just written. Never rejects. */
export interface WarningService {
  warningsFor(id: number): Promise<Finding[]>;
}

/** The same changes, only tried: it refuses what the mapper would refuse. */
export interface DryRunService {
  create(input: NewMapping, createdBy: string): Promise<Tried>;
  update(id: number, patch: MappingPatch, by: WriteBy): Promise<Tried>;
  remove(id: number, by: WriteBy): Promise<Tried>;
}

interface Services {
  readonly mapper: MappingService;
  readonly dryRun: DryRunService;
  readonly inspector: WarningService;
}

const config = { roles: admins };
const base = '/api-key-priority';
const show = { config, schema: { summary: 'Show a mapping', response: { 200: mapping } } };
const create = {
  config,
  schema: {
    summary: 'Create a mapping, or try what that would do',
    querystring: dryRunQuery,
    body: newMapping,
    response: { 200: tried, 201: writtenMapping },
  },
};
const change = {
  config,
  schema: {
    summary: 'Change a mapping, or try what that would do',
    querystring: dryRunQuery,
    body: mappingPatch,
    response: { 200: Type.Union([writtenMapping, tried]) },
  },
};
const remove = {
  config,
  schema: {
    summary: 'Delete a mapping, or try what that would do',
    querystring: dryRunQuery,
    response: { 200: Type.Union([success, tried]) },
  },
};
const reload = { config, schema: { summary: 'Read the mappings again now', response: { 200: reloaded } } };

export function mappingRoutes(app: AdminApp, { mapper, dryRun, inspector }: Services, identities: Identities): void {
  const withWarnings = async (row: Mapping) => ({ ...row, warnings: await inspector.warningsFor(row.id) });

  app.get(`${base}/mappings/:id`, show, async (request, reply) =>
    withEtag(reply, await mapper.find(rowIdOf(request.params, 'mapping'))),
  );

  app.post(`${base}/mappings`, create, async (request, reply) => {
    const createdBy = await identities.nameOf(callerOf(request));
    if (request.query.dry_run) return dryRun.create(request.body, createdBy);
    return withEtag(reply.code(201), await withWarnings(await mapper.create(request.body, createdBy)));
  });

  app.put(`${base}/mappings/:id`, change, async (request, reply) => {
    const id = rowIdOf(request.params, 'mapping');
    const by = await writeBy(request, identities);
    if (request.query.dry_run) return dryRun.update(id, request.body, by);
    return withEtag(reply, await withWarnings(await mapper.update(id, request.body, by)));
  });

  app.delete(`${base}/mappings/:id`, remove, async request => {
    const id = rowIdOf(request.params, 'mapping');
    const by = await writeBy(request, identities);
    if (request.query.dry_run) return dryRun.remove(id, by);
    await mapper.remove(id, by);
    return { success: true as const, message: `Mapping ${id} is deleted.` };
  });

  app.post(`${base}/reload`, reload, async () => reloadedNow(await mapper.reload()));
}

const reloadedNow = ({ usable, durationMs }: Awaited<ReturnType<MappingService['reload']>>): Reloaded => ({
  success: true,
  message: `Reloaded ${usable} mappings from the database.`,
  reloaded_count: usable,
  reload_time_ms: Math.round(durationMs),
});
