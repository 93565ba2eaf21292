/** The daemon: reads the configuration, starts, stops on a signal; nothing else. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startApp } from './app.ts';
import { programNames } from './cli/programs.ts';
import { listenForStop, type Upkeep } from './cli/signals.ts';
import { keepCompiledCode } from './compiled-code.ts';
import { ConfigFaults, type LoadedConfig, loadProcessConfig, reloadProcessConfig } from './config/config-loader.ts';
import { closest } from './config/file/suggestion.ts';
import { version } from './config/version.ts';
import { WorkerFault } from './workers/worker-fault.ts';

const usualFile = 'config/setting.ini';

const help = `Usage: gatewayd [--config FILE]
       gatewayd init | quickstart | sql   (each has a --help)

Runs Tokligence Gateway until SIGTERM or SIGINT, after which what runs has shutdown_grace_sec, or SIGQUIT,
after which it has all the time that it takes. A second one, more than a second later, ends the stage in
which the stop is. SIGHUP and SIGUSR2 read the file again: pools, tenants and [scheduler] act at once, of
what needs a restart the log tells. They open [log] file anew, too; SIGUSR1 does only that.

  --config FILE  the ini file (default: ${usualFile}); every key can also be set in the
                 environment as TOKLIGENCE_<SECTION>_<KEY>
  --version      the version
  --help         this text

  init           writes a setting.ini to begin with
  quickstart     runs an example: eight tenants, their keys, a built-in model
  sql            runs SQL on the database of a gateway

Exit codes: 0 stopped as asked, 1 could not start or failed, 2 wrong usage or configuration.`;

function fail(code: 1 | 2, error: unknown): never {
  console.error(`gatewayd: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(code);
}

function readConfig(): { file: string; loaded: LoadedConfig } {
  try {
    const file = readOptions();
    return { file, loaded: loadProcessConfig(file) };
  } catch (error) {
    return fail(2, error);
  }
}

/** Returns the file of the configuration. Throws on wrong usage. */
function readOptions(): string {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
  if (values.help) tell(help);
  if (values.version) tell(version);
  const [unknown] = positionals;
  if (unknown !== undefined) throw new Error(unknownProgram(unknown));
  if (values.config === undefined && !existsSync(usualFile)) throw new Error(noFile);
  return values.config ?? usualFile;
}

function tell(text: string): never {
  console.log(text);
  process.exit(0);
}

const noFile =
  `there is no ${usualFile} in ${process.cwd()}: name a file with --config FILE. ` +
  '"gatewayd init" writes one, and "gatewayd quickstart" needs none';

function unknownProgram(name: string): string {
  const near = closest(name, programNames);
  const known = near === null ? `there are ${programNames.join(', ')}` : `is ${near} meant?`;
  return `unknown command ${name}: ${known} (--help tells more)`;
}

async function run(upkeep: Upkeep): Promise<void> {
  const { file, loaded } = readConfig();
  const signals = listenForStop();
  const read = () => reloadProcessConfig(file);
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
  const worker = await ownNumber();
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

/** Null: this process is no worker, which only a parent starts. Whoever types the option gets to know that there is none. */
async function ownNumber(): Promise<number | null> {
  const [option, number] = process.argv.slice(2);
  if (option !== '--worker') return null;
  // Loaded in workers anyway.
  const { default: cluster } = await import('node:cluster');
  return cluster.isWorker ? Number(number) : null;
}
