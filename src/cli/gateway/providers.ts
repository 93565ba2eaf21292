import type { Command } from 'commander';
import type { ProviderList, ShownEndpoint, ShownProvider } from '../../http/admin/contract/live.ts';
import { moment, table, visible } from './output.ts';
import type { SessionOf } from './session.ts';

const path = '/admin/providers';

export function providerCommands(program: Command, sessionOf: SessionOf): void {
  const providers = program.command('providers').description('upstreams: their endpoints, and how they do');

  providers
    .command('list')
    .description('all providers and their endpoints')
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const list = await session.gateway().call<ProviderList>('GET', path);
      session.show(list, () => providerTable(list.providers));
    });

  for (const [act, description, done] of [
    ['drain', 'give an endpoint no more requests; those that run go on', 'Drained'],
    ['resume', 'give an endpoint requests again', 'Resumed'],
  ] as const) {
    providers
      .command(act)
      .description(description)
      .argument('<provider>', 'its name')
      .argument('<endpoint>', 'as `gateway providers list` names it')
      .action(async (provider: string, endpoint: string, _flags: object, command: Command) => {
        const session = sessionOf(command);
        const at = `${path}/${encodeURIComponent(provider)}/endpoints/${encodeURIComponent(endpoint)}/${act}`;
        const shown = await session.gateway().call<ShownEndpoint>('POST', at);
        session.show(shown, () => `${done} ${visible(shown.id)} of ${visible(provider)}: ${shown.state}\n`);
      });
  }
}

const milliseconds = (ms: number | null): string => (ms === null ? '-' : `${Math.round(ms)} ms`);

/** One line per endpoint; a provider without any has one of its own. */
const providerTable = (providers: readonly ShownProvider[]): string =>
  table(
    [
      { title: 'provider' },
      { title: 'pool' },
      { title: 'endpoint' },
      { title: 'state' },
      { title: 'since' },
      { title: 'seats', align: 'right' },
      { title: 'failures', align: 'right' },
      { title: 'p50', align: 'right' },
      { title: 'p95', align: 'right' },
      { title: 'why' },
    ],
    providers.flatMap(({ name, pool, health, endpoints }) =>
      endpoints.length === 0
        ? [[name, pool, '-', health.state, '-', '-', '-', '-', '-', '']]
        : endpoints.map(endpoint => [name, pool, ...cellsOf(endpoint)]),
    ),
  );

const cellsOf = ({ id, state, since, seats, failures, first_byte_ms: { p50, p95 }, why }: ShownEndpoint): string[] => [
  id,
  state,
  moment(since),
  String(seats),
  String(failures),
  milliseconds(p50),
  milliseconds(p95),
  visible(why ?? ''),
];
