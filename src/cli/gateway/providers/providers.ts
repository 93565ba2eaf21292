import type { Command } from 'commander';
import type { ProviderList, ShownEndpoint, ShownProvider } from '../../../http/admin/contract/live.ts';
import { moment, table, visible } from '../output.ts';
import type { SessionOf } from '../session.ts';
import { providerFileCommands, tryCommand } from './provider-files.ts';
import { providerKeyCommands } from './provider-keys.ts';
import { storedProviderCommands } from './stored.ts';
import { counted } from './stored-text.ts';

const path = '/admin/providers';

export function providerCommands(program: Command, sessionOf: SessionOf): void {
  const providers = program.command('providers').description('upstreams: their endpoints, and how they do');

  providers
    .command('list')
    .description('all providers and their endpoints')
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const list = await session.gateway().call<ProviderList>('GET', path);
      session.show(list, () => listText(list.providers));
    });

  storedProviderCommands(providers, sessionOf);
  providerKeyCommands(providers, sessionOf);
  tryCommand(providers, sessionOf);
  providerFileCommands(providers, sessionOf);
  drainCommands(providers, sessionOf);
}

function drainCommands(providers: Command, sessionOf: SessionOf): void {
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

function listText(providers: readonly ShownProvider[]): string {
  const faults = providers.flatMap(({ name, fault }) =>
    fault === null ? [] : [`${name} is at fault: ${visible(fault)}\n`],
  );
  const count = `${counted(providers.length, 'provider')}\n`;
  return (providers.length > 0 ? providerTable(providers) : '') + faults.join('') + count;
}

/** One line per endpoint; a provider without any has one of its own. */
const providerTable = (providers: readonly ShownProvider[]): string =>
  table(
    [
      { title: 'provider' },
      { title: 'pool' },
      { title: 'endpoint' },
      { title: 'state' },
      { title: 'since' },
      { title: 'in use', align: 'right' },
      { title: 'seats', align: 'right' },
      { title: 'failures', align: 'right' },
      { title: 'p50', align: 'right' },
      { title: 'p95', align: 'right' },
      { title: 'why' },
    ],
    providers.flatMap(({ name, pool, health, endpoints }) =>
      endpoints.length === 0
        ? [[name, pool, '-', health.state, '-', '-', '-', '-', '-', '-', '']]
        : endpoints.map(endpoint => [name, pool, ...cellsOf(endpoint)]),
    ),
  );

const cellsOf = ({ first_byte_ms: { p50, p95 }, ...endpoint }: ShownEndpoint): string[] => [
  endpoint.id,
  endpoint.state,
  moment(endpoint.since),
  String(endpoint.in_use ?? '-'),
  String(endpoint.seats),
  String(endpoint.failures),
  milliseconds(p50),
  milliseconds(p95),
  visible(endpoint.why ?? ''),
];
