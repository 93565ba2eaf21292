/** One command for newcomers: a gateway with tenants, keys and a built-in model, and a demo of its lanes. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type App, startApp } from '../app.ts';
import { type Config, type LoadedConfig, loadProcessConfig } from '../config/config-loader.ts';
import { userFolders } from '../config/user-folders.ts';
import { findEmbedded } from '../db/embedded/embedded.ts';
import { keepObjectsYoung } from '../young-objects.ts';
import { commandLine, isInstalled } from './command-line.ts';
import { type GatewayClient, gatewayClient } from './quickstart/client.ts';
import type { DemoTenant } from './quickstart/demo.ts';
import { runDemo } from './quickstart/demo-run.ts';
import { exampleTenant, greeting, shortPath } from './quickstart/greeting.ts';
import { drawAdminKey, type KeptKeys, keysFile, readKeys, writeKeys } from './quickstart/keys.ts';
import { findRunning, localUrl, portFault, portSentence } from './quickstart/port.ts';
import { setUpTenants, type TenantKey } from './quickstart/setup.ts';
import { ignoreUpkeep, listenForStop } from './signals.ts';

const settingsFile = fileURLToPath(new URL('../../config/examples/quickstart.ini', import.meta.url));

/** Whoever has installed the package starts it anywhere; in a checkout everything stays there. */
const usualFolder = isInstalled ? join(userFolders(process.env).data, 'quickstart') : './data';
const usual = { TOKLIGENCE_GATEWAY_DATA_DIR: usualFolder };

const usage = `Usage: ${commandLine('quickstart', '[--demo] [--demo-seconds N] [--keep] [--help]')}`;

const help = `${usage}

Starts the Team edition on an embedded PostgreSQL, with eight tenants, a key for each, and a built-in
model with few seats; prints the keys and what to try. Everything is kept in
${usualFolder}, so that the next start has the same keys. Ctrl-C stops the gateway
and its database.

  --demo            sends mixed load from all eight tenants, shows who waits how long, and ends; uses
                    the quickstart that runs already, if there is one
  --demo-seconds N  for so long (default: 20)
  --keep            goes on serving after the demo, until Ctrl-C
  --help            this text

The settings are ${shortPath(settingsFile)}; the environment wins over it, for example
TOKLIGENCE_GATEWAY_PORT=9000, TOKLIGENCE_GATEWAY_DATA_DIR=/tmp/try, TOKLIGENCE_DATABASE_URL=postgres://…
(a database of your own), TOKLIGENCE_LOG_LEVEL=info (a line for each request).

Exit codes: 0 stopped as asked, 1 could not start or the demo failed, 2 wrong usage or configuration.`;

interface Options {
  readonly demo: boolean;
  readonly demoSeconds: number;
  readonly keep: boolean;
}

const longestDemoSeconds = 86_400;

/** Returns null if help was requested. Throws on wrong usage. */
function readOptions(): Options | null {
  const values = readArguments();
  if (values.help) return null;
  const demoSeconds = Number(values['demo-seconds']);
  if (!(demoSeconds >= 1 && demoSeconds <= longestDemoSeconds)) {
    throw usageFault(`--demo-seconds must be a number from 1 to ${longestDemoSeconds}`);
  }
  return { demo: values.demo, demoSeconds, keep: values.keep };
}

function readArguments() {
  const options = {
    demo: { type: 'boolean', default: false },
    'demo-seconds': { type: 'string', default: '20' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    throw usageFault(error instanceof Error ? error.message : String(error));
  }
}

const usageFault = (message: string) => new Error(`${message}\n\n${usage}`);

interface Run {
  readonly options: Options;
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly signals: ReturnType<typeof listenForStop>;
  /** Fires at the first request to stop. */
  readonly signal: AbortSignal;
}

const say = (text: string) => console.log(text);

/** The exit code. */
async function run(parts: Run): Promise<0 | 1> {
  const { config, options } = parts;
  const { host, port, dataDir } = config.gateway;
  const kept = await readKeys(dataDir);
  const fault = port === 0 ? null : await portFault(host, port);
  if (fault === null) return serve(parts, kept);

  const running = fault === 'EADDRINUSE' ? await findRunning(host, port, [...kept.tenants.values()][0]) : null;
  if (running === null) throw new Error(portSentence(host, port, fault));
  if (!options.demo) {
    throw new Error(
      `the quickstart runs already at ${running} (its keys are in ${shortPath(keysFile(dataDir))}).\n` +
        `Send it load from all tenants with: ${commandLine('quickstart', '--demo')}`,
    );
  }
  say(`Using the quickstart that runs already at ${running}`);
  return demo(
    parts,
    running,
    [...kept.tenants].map(([id, key]) => ({ id, key })),
  );
}

async function serve(parts: Run, kept: KeptKeys): Promise<0 | 1> {
  const { config, warnings, signals, signal } = parts;
  const { dataDir } = config.gateway;
  const adminKey = config.auth.adminKey ?? kept.admin ?? drawAdminKey();
  // Written before it is used: an interrupted start must not leave an unknown key in the database.
  await writeKeys(dataDir, { ...kept, admin: adminKey });
  const startedAt = performance.now();
  const progress = showProgress(config);
  keepObjectsYoung();
  const { workers } = config.gateway;
  const told = workers === 1 ? [] : [`[gateway] workers = ${workers}: the quickstart is one process`];
  const one = { ...config, gateway: { ...config.gateway, workers: 1 }, auth: { ...config.auth, adminKey } };
  const app = await startApp(one, { warnings: [...warnings, ...told] }).finally(progress.stop);
  signals.onFurther(() => app.hurry());
  try {
    const work = present(parts, { app, adminKey, kept, startedAt });
    // Work that is interrupted by a stop may fail in any way.
    const unlessStopped = work.catch(error => {
      if (signal.aborted) return 0 as const;
      throw error;
    });
    return await Promise.race([unlessStopped, signals.stop.then(() => 0 as const)]);
  } finally {
    if (!signal.aborted) say('\nStopping the gateway and its database …');
    await app.stop();
    say('Stopped.');
  }
}

const stillEveryMs = 5_000;

function showProgress({ gateway, database }: Config): { stop(): void } {
  const { dataDir } = gateway;
  const folder = shortPath(dataDir);
  const isFirst = !existsSync(join(dataDir, 'postgres'));
  if (database.url !== null) say('Connecting to the database …');
  else if (isFirst) say(`First start: making a PostgreSQL database in ${folder}, a few seconds …`);
  else say(`Starting the PostgreSQL database in ${folder} …`);
  const startedAt = performance.now();
  const still = () => say(`  still at it, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  const timer = setInterval(still, stillEveryMs);
  return { stop: () => clearInterval(timer) };
}

interface Started {
  readonly app: App;
  readonly adminKey: string;
  readonly kept: KeptKeys;
  readonly startedAt: number;
}

/** Runs from a listening gateway to the end of the requested work. */
async function present(parts: Run, { app, adminKey, kept, startedAt }: Started): Promise<0 | 1> {
  const { config, options, signal, signals } = parts;
  const { dataDir } = config.gateway;
  await app.ready;
  const url = localUrl(app.url);
  const gateway = gatewayClient({ url, adminKey, signal });
  const tenantKeys = await setUpTenants({ gateway, kept: kept.tenants, signal });
  await writeKeys(dataDir, {
    admin: adminKey,
    tenants: new Map(tenantKeys.map(({ tenant, key }) => [tenant.id, key])),
  });
  say(
    greeting({
      url,
      seats: config.pools[0]?.settings.seats ?? 0,
      startSeconds: (performance.now() - startedAt) / 1_000,
      adminKey,
      databaseUrl: config.database.url ?? (await findEmbedded(dataDir)) ?? '',
      dataDir,
      keysFile: keysFile(dataDir),
      isUsualDatabase: !isInstalled && config.database.url === null && dataDir === resolve('data'),
      tenantKeys,
      ...(await mappingFacts(gateway)),
    }),
  );
  const code = options.demo ? await demo(parts, url, demoTenants(tenantKeys)) : 0;
  if (!options.demo || options.keep) await signals.stop;
  if (!signal.aborted) say(`To go on by hand: ${commandLine('quickstart')}, which has the same keys.`);
  return code;
}

async function mappingFacts(gateway: GatewayClient): Promise<{ exampleMapping: number | null; isMapping: boolean }> {
  const base = '/admin/api-key-priority';
  const { mappings } = await gateway.admin<{ mappings: { id: number }[] }>(
    'GET',
    `${base}/mappings?tenant_id=${exampleTenant}`,
  );
  const { enabled } = await gateway.admin<{ enabled: boolean }>('GET', `${base}/config`);
  return { exampleMapping: mappings[0]?.id ?? null, isMapping: enabled };
}

const demoTenants = (tenantKeys: readonly TenantKey[]): DemoTenant[] =>
  tenantKeys.filter(({ level }) => level !== null).map(({ tenant, key }) => ({ id: tenant.id, key }));

async function demo({ config, options, signal }: Run, url: string, tenants: DemoTenant[]): Promise<0 | 1> {
  const { stdout } = process;
  const isQuiet = config.log.level === 'warn' || config.log.level === 'error';
  const fits = stdout.isTTY === true && stdout.rows > tenants.length + 3;
  const isWhole = await runDemo({
    url,
    tenants,
    seconds: options.demoSeconds,
    signal,
    // Log lines in between would be overwritten.
    screen: { inPlace: fits && isQuiet, columns: stdout.columns ?? 120, write: text => stdout.write(text) },
  });
  return isWhole ? 0 : 1;
}

function fail(code: 1 | 2, error: unknown): never {
  console.error(`quickstart: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(code);
}

function readUsage(): { options: Options; loaded: LoadedConfig } {
  try {
    const options = readOptions();
    if (options === null) {
      say(help);
      process.exit(0);
    }
    return { options, loaded: loadProcessConfig(settingsFile, usual) };
  } catch (error) {
    return fail(2, error);
  }
}

async function main(): Promise<0 | 1> {
  const { options, loaded } = readUsage();
  const signals = listenForStop();
  ignoreUpkeep();
  // The reader may have gone (`npm run quickstart | head`).
  process.stdout.on('error', () => {});
  // Otherwise a closed terminal would leave the database running.
  process.once('SIGHUP', () => process.kill(process.pid, 'SIGTERM'));
  const stopping = new AbortController();
  void signals.stop.then(() => {
    say('\nStopping the gateway and its database …');
    stopping.abort();
  });
  return run({ options, ...loaded, signals, signal: stopping.signal });
}

try {
  process.exit(await main());
} catch (error) {
  fail(1, error);
}
