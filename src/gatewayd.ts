/** The daemon: reads the configuration, starts, stops on a signal; nothing else. */
import { parseArgs } from 'node:util';
import { startApp } from './app.ts';
import { listenForReload, listenForStop } from './cli/signals.ts';
import { ConfigFaults, type LoadedConfig, loadProcessConfig } from './config/config-loader.ts';

const help = `Usage: gatewayd [--config FILE]

Runs Tokligence Gateway until SIGTERM or SIGINT. SIGHUP reads the file again: pools, tenants and
[scheduler] act at once, of what needs a restart the log tells. It also opens [log] file anew.

  --config FILE  the ini file (default: config/setting.ini); every key can also be set in the
                 environment as TOKLIGENCE_<SECTION>_<KEY>
  --help         this text

Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong usage or configuration.`;

function fail(code: 1 | 2, error: unknown): never {
  console.error(`gatewayd: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(code);
}

function readConfig(): { file: string; loaded: LoadedConfig } {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    const file = values.config ?? 'config/setting.ini';
    return { file, loaded: loadProcessConfig(file) };
  } catch (error) {
    return fail(2, error);
  }
}

async function main(): Promise<void> {
  const { file, loaded } = readConfig();
  const signals = listenForStop();
  let reread = () => {};
  listenForReload(() => reread());
  const app = await startApp(loaded.config, loaded);
  reread = () => app.reload(() => loadProcessConfig(file));
  void signals.stopAtOnce.then(() => app.abort());
  // Whatever comes first: a fault that no retry mends, or the wish to stop.
  const wish = await Promise.race([signals.stop, app.ready.then(() => signals.stop)]).catch((error: unknown) => error);
  await app.stop();
  if (wish instanceof Error) throw wish;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  // Some faults show only when what is configured is opened.
  fail(error instanceof ConfigFaults ? 2 : 1, error);
}
