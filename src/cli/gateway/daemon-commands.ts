/** Commands around the daemon: reload over HTTP; check-config and migrate without a running gateway. */
import type { Command } from 'commander';
import { ConfigFaults, type LoadedConfig, loadConfig } from '../../config/config-loader.ts';
import type { Reloaded } from '../../http/admin/contract/contract.ts';
import { CliFault, exitCodes } from './exit.ts';
import type { Session, SessionOf } from './session.ts';

const defaultFile = 'config/setting.ini';

export function daemonCommands(program: Command, sessionOf: SessionOf): void {
  program
    .command('reload')
    .description('read the mappings again now; never needed, it tells when a change by SQL serves')
    .action(async (_flags: object, command: Command) => {
      const session = sessionOf(command);
      const answer = await session.gateway().call<Reloaded>('POST', '/admin/api-key-priority/reload');
      session.show(answer, () => `${answer.message} (${answer.reload_time_ms} ms)\n`);
    });

  program
    .command('check-config')
    .description('say all that is wrong with a configuration, environment included, as the daemon would at its start')
    .argument('[file]', 'the ini file', defaultFile)
    .action((file: string, _flags: object, command: Command) => {
      const session = sessionOf(command);
      const { config, warnings } = load(file, session);
      const { edition } = config.gateway;
      const pools = config.pools.map(({ name }) => name);
      const answer = { ok: true, file, edition, pools, faults: [], warnings };
      if (!session.json) for (const warning of warnings) session.note(`warning: ${warning}`);
      session.show(answer, () => `${file} can be used: ${edition} edition, pools ${pools.join(', ')}\n`);
    });

  migrateCommand(program, sessionOf);
}

function migrateCommand(program: Command, sessionOf: SessionOf): void {
  program
    .command('migrate')
    .description('bring the database of a configuration up to date, without starting a gateway')
    .option('--config <file>', 'the ini file', defaultFile)
    .action(async ({ config: file }: { config: string }, command: Command) => {
      const session = sessionOf(command);
      const { config, warnings } = load(file, session);
      if (!session.json) for (const warning of warnings) session.note(`warning: ${warning}`);
      // Imported here, so that every other command starts faster.
      const { migrate } = await import('./migrate.ts');
      const { created, where } = await migrate(config, text => session.note(text));
      const done = created.length > 0 ? `created ${created.join(', ')}` : 'nothing to do';
      session.show({ success: true, database: where, created }, () => `${where}: ${done}\n`);
    });
}

/** Loads the configuration; faults are thrown with all their places, for --json. */
function load(file: string, { streams: { env } }: Session): LoadedConfig {
  try {
    return loadConfig({ file, env, isTerminal: false });
  } catch (error) {
    if (!(error instanceof ConfigFaults)) throw error;
    throw new CliFault(exitCodes.usage, error.message, { ok: false, file, faults: error.faults });
  }
}
