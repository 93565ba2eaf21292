/** The daemon: reads the configuration, starts, stops on a signal; nothing else. */
import { parseArgs } from 'node:util';
import { startApp } from './app.ts';
import { listenForStop, type Upkeep } from './cli/signals.ts';
import { keepCompiledCode } from './compiled-code.ts';
import { ConfigFaults, type LoadedConfig, loadProcessConfig } from './config/config-loader.ts';
import { WorkerFault } from './workers/worker-fault.ts';

const help = `Usage: gatewayd [--config FILE]

Runs Tokligence Gateway until SIGTERM or SIGINT, after which what runs has shutdown_grace_sec, or SIGQUIT,
after which it has all the time that it takes. A second one, more than a second later, ends the stage in
which the stop is. SIGHUP and SIGUSR2 read the file again: pools, tenants and [scheduler] act at once, of
what needs a restart the log tells. They open [log] file anew, too; SIGUSR1 does only that.

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

async function run(upkeep: Upkeep): Promise<void> {
  const { file, loaded } = readConfig();
  const signals = listenForStop();
  const read = () => loadProcessConfig(file);
  if (loaded.config.gateway.workers > 1) {
    const { runWorkers } = await import('./workers/parent.ts');
    return runWorkers({ loaded, read, signals, upkeep });
  }
  const app = await startApp(loaded.config, loaded);
  upkeep.reload = () => app.reload(read);
  upkeep.reopenLog = () => app.reopenLog();
  signals.onFurther(() => app.hurry());
  app.ready.then(keepCompiledCode, () => {});
  // Either a fault that no retry can cure, or the wish to stop, whichever comes first.
  const wish = await Promise.race([signals.stop, app.ready.then(() => signals.stop)]).catch(async fault => {
    await app.stop();
    throw fault;
  });
  await app.stop(wish);
}

/** Ends the process. */
export async function runDaemon(upkeep: Upkeep): Promise<never> {
  const worker = ownNumber();
  if (worker !== null) return (await import('./workers/worker.ts')).runWorker(worker);
  try {
    await run(upkeep);
    process.exit(0);
  } catch (error) {
    // Some faults of the configuration appear only when its files are opened.
    fail(exitCodeOf(error), error);
  }
}

const exitCodeOf = (error: unknown): 1 | 2 => {
  if (error instanceof WorkerFault) return error.exitCode;
  return error instanceof ConfigFaults ? 2 : 1;
};

/** Null: this process is no worker, which only a parent starts. */
function ownNumber(): number | null {
  const [option, number] = process.argv.slice(2);
  return option === '--worker' && process.connected ? Number(number) : null;
}
