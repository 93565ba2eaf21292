import type { Command } from 'commander';
import type { ListedRoute } from '../../../http/admin/contract/route.ts';
import { table } from '../output.ts';
import { countLine, listRows, type PageFlags } from '../paging.ts';
import type { SessionOf } from '../session.ts';
import { pageOptions } from '../users.ts';
import { storedRouteCommands } from './stored.ts';

export function routeCommands(program: Command, sessionOf: SessionOf): void {
  const routes = program.command('routes').description('where the requests for a model’s name go');
  const list = routes
    .command('list')
    .description('all routes in effect')
    .action(async (flags: PageFlags, command: Command) => {
      const session = sessionOf(command);
      const { rows, total } = await listRows(session.gateway(), { path: '/admin/routes', name: 'routes' }, flags);
      session.show(
        { routes: rows, total },
        () => (rows.length > 0 ? routeTable(rows) : '') + countLine(rows.length, total, 'route', 'routes'),
      );
    });
  for (const option of pageOptions()) list.addOption(option);
  storedRouteCommands(routes, sessionOf);
}

const routeTable = (routes: readonly ListedRoute[]): string =>
  table(
    [{ title: 'name' }, { title: 'aliases' }, { title: 'targets' }, { title: 'spills' }, { title: 'source' }],
    routes.map(route => [route.name, route.aliases.join(', ') || '-', route.targets, spillText(route), route.source]),
  );

const spillText = ({ spill_after_sec: after, spill_levels: levels }: ListedRoute): string =>
  after === null || levels === null ? '-' : `${levels.map(level => `P${level}`).join(' ')} after ${after} s`;
