import type { Identities } from '../../../identity/identity.ts';
import type { ProviderFields, RouteDesk } from '../../../providers/providers.ts';
import { type AdminApp, callerOf } from '../access.ts';
import { success } from '../contract/contract.ts';
import { newRoute, route, routePatch } from '../contract/stored-providers.ts';
import { withEtag, writeBy } from '../mappings/write-by.ts';

const config = { roles: ['root_admin'] as const };
const url = '/routes/:name';

/** The routes of models that are stored. Names may have any characters: encode them in a path. */
export function modelRouteRoutes(app: AdminApp, routes: RouteDesk, identities: Identities): void {
  app.post(
    '/routes',
    { config, schema: { summary: 'Create a route of a model', body: newRoute, response: { 201: route } } },
    async (request, reply) => {
      const { name, ...given } = request.body;
      const actor = await identities.nameOf(callerOf(request));
      return withTag(reply.code(201), await routes.create(name, given as ProviderFields, actor));
    },
  );

  app.get(
    url,
    { config, schema: { summary: 'Show a route of a model', response: { 200: route } } },
    async (request, reply) => withTag(reply, await routes.find(nameOf(request.params))),
  );

  app.patch(
    url,
    {
      config,
      schema: {
        summary: 'Change a route of a model, also one of the file',
        body: routePatch,
        response: { 200: route },
      },
    },
    async (request, reply) => {
      const by = await writeBy(request, identities);
      return withTag(reply, await routes.change(nameOf(request.params), request.body as ProviderFields, by));
    },
  );

  app.delete(
    url,
    { config, schema: { summary: 'Delete what is stored of a route', response: { 200: success } } },
    async request => {
      const name = nameOf(request.params);
      await routes.remove(name, await writeBy(request, identities));
      return { success: true as const, message: `What was stored of the route ${name} is deleted.` };
    },
  );
}

/** What stands in the file only has no version. */
const withTag = (
  reply: Parameters<typeof withEtag>[0],
  row: Awaited<ReturnType<RouteDesk['find']>>,
): Parameters<typeof withEtag>[0] =>
  row.etag === null ? reply.send(row) : withEtag(reply, { ...row, etag: row.etag });

const nameOf = (params: unknown): string => (params as { name: string }).name;
