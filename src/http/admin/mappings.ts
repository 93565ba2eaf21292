import type { Identities } from '../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from './access.ts';
import {
  type Mapping,
  type MappingFilter,
  type MappingList,
  type MappingPatch,
  mapping,
  mappingFilter,
  mappingList,
  mappingPatch,
  type NewMapping,
  newMapping,
  reloaded,
  success,
} from './contract.ts';
import { rowIdOf } from './validation.ts';
import { type WriteBy, withEtag, writeBy } from './write-by.ts';

/** What these routes need of the mapper. It throws `notFound`, `conflict` and `invalidRequest` itself. */
export interface MappingService {
  list(filter: MappingFilter & { limit: number; offset: number }): Promise<MappingList>;
  find(id: number): Promise<Mapping>;
  create(input: NewMapping, createdBy: string): Promise<Mapping>;
  update(id: number, patch: MappingPatch, by: WriteBy): Promise<Mapping>;
  remove(id: number, by: WriteBy): Promise<unknown>;
  reload(): Promise<{ readonly usable: number; readonly durationMs: number }>;
}

const config = { roles: admins };
const base = '/api-key-priority';

export function mappingRoutes(app: AdminApp, mapper: MappingService, identities: Identities): void {
  app.get(
    `${base}/mappings`,
    { config, schema: { summary: 'List the mappings', querystring: mappingFilter, response: { 200: mappingList } } },
    ({ query }) => mapper.list({ limit: 100, offset: 0, ...query }),
  );

  app.get(
    `${base}/mappings/:id`,
    { config, schema: { summary: 'Show a mapping', response: { 200: mapping } } },
    async (request, reply) => withEtag(reply, await mapper.find(rowIdOf(request.params, 'mapping'))),
  );

  app.post(
    `${base}/mappings`,
    { config, schema: { summary: 'Create a mapping', body: newMapping, response: { 201: mapping } } },
    async (request, reply) => {
      const createdBy = await identities.nameOf(callerOf(request));
      return withEtag(reply.code(201), await mapper.create(request.body, createdBy));
    },
  );

  app.put(
    `${base}/mappings/:id`,
    { config, schema: { summary: 'Change a mapping', body: mappingPatch, response: { 200: mapping } } },
    async (request, reply) => {
      const id = rowIdOf(request.params, 'mapping');
      return withEtag(reply, await mapper.update(id, request.body, await writeBy(request, identities)));
    },
  );

  app.delete(
    `${base}/mappings/:id`,
    { config, schema: { summary: 'Delete a mapping', response: { 200: success } } },
    async request => {
      const id = rowIdOf(request.params, 'mapping');
      await mapper.remove(id, await writeBy(request, identities));
      return { success: true as const, message: `Mapping ${id} is deleted.` };
    },
  );

  app.post(
    `${base}/reload`,
    { config, schema: { summary: 'Read the mappings again now', response: { 200: reloaded } } },
    async () => {
      const { usable, durationMs } = await mapper.reload();
      return {
        success: true as const,
        message: `Reloaded ${usable} mappings from the database.`,
        reloaded_count: usable,
        reload_time_ms: Math.round(durationMs),
      };
    },
  );
}
