/** The daemon: reads the configuration, starts, stops on a signal; nothing else. */
import { parseArgs } from 'node:util';
import { startApp } from './app.ts';
import { listenForStop } from './cli/signals.ts';
import { type Config, loadProcessConfig } from './config/config-loader.ts';

const help = `Usage: gatewayd [--config FILE]

Runs Tokligence Gateway until SIGTERM or SIGINT.

  --config FILE  the ini file (default: config/setting.ini); every key can also be set in the
                 environment as TOKLIGENCE_<SECTION>_<KEY>
  --help         this text

Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong usage or configuration.`;

function fail(code: 1 | 2, error: unknown): never {
  console.error(`gatewayd: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(code);
}

function readConfig(): { config: Config; warnings: string[] } {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    return loadProcessConfig(values.config ?? 'config/setting.ini');
  } catch (error) {
    return fail(2, error);
  }
}

async function main(): Promise<void> {
  const { config, warnings } = readConfig();
  const signals = listenForStop();
  const app = await startApp(config, { warnings });
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
  fail(1, error);
}
