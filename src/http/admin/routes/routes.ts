import type { RouteConfig } from '../../../config/config.ts';
import { writtenTargets } from '../../../config/routes/target-text.ts';
import { dialects } from '../../../domain/vocabulary.ts';
import type { Upstreams } from '../../../upstreams/upstreams.ts';
import { type AdminApp, admins } from '../access.ts';
import { type ListedRoute, routeFilter, routeList } from '../contract/route.ts';

/** What is in effect of the routes. */
export type RouteService = Pick<Upstreams, 'routes' | 'provider' | 'wayOf'>;

const defaultLimit = 100;

export function routeRoutes(app: AdminApp, service: RouteService): void {
  app.get(
    '/routes',
    {
      config: { roles: admins },
      schema: {
        summary: 'List the routes of models’ names in effect',
        querystring: routeFilter,
        response: { 200: routeList },
      },
    },
    async ({ query: { limit = defaultLimit, offset = 0 } }) => {
      const all = service.routes();
      const routes = all.slice(offset, offset + limit).map(route => listed(route, service));
      return { routes, total: all.length };
    },
  );
}

function listed({ name, aliases, groups, spill, source }: RouteConfig, { provider }: RouteService): ListedRoute {
  const order = groups.flatMap((group, index) =>
    group.map(target => {
      const found = provider(target.provider);
      return {
        place: index + 1,
        provider: target.provider,
        model: target.model ?? name,
        weight: target.weight,
        pool: found?.pool ?? null,
        dialects: dialects.filter(dialect => found?.serves(dialect)),
      };
    }),
  );
  return {
    name,
    aliases,
    targets: writtenTargets(groups),
    order,
    spill_after_sec: spill === null ? null : spill.afterMs / 1000,
    spill_levels: spill?.levels ?? null,
    source,
  };
}
