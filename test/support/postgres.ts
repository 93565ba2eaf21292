import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import {
  type Cluster,
  clusterUser,
  findPostmaster,
  openCluster,
  startServer,
  stopServer,
} from '../../src/db/embedded/embedded-cluster.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { connectionOptions, openPostgres } from '../../src/db/postgres/postgres.ts';
import { closedFolder } from './accounts.ts';

type Rows = Record<string, any>[];

export interface TestDatabase {
  readonly url: string;
  query(sql: string, params?: readonly unknown[]): Promise<Rows>;
}

/** Creates a migrated database for this test alone, which is dropped when the test ends. */
export const freshDatabase = async (t: TestContext): Promise<TestDatabase> => {
  const server = await serverUrl();
  template ??= makeTemplate(server);
  // Copies files, which is faster than through the log.
  return createdDatabase(t, server, `TEMPLATE ${await template} STRATEGY FILE_COPY`);
};

/** The same without tables. */
export const emptyDatabase = async (t: TestContext): Promise<TestDatabase> =>
  createdDatabase(t, await serverUrl(), 'TEMPLATE template0');

export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Settings that make the sessions of short tests cheap: most of a session's cost would be the hashing of its password. */
const cheapSessions = { scram_iterations: '1', io_method: 'sync', jit: 'off' };

/** Starts one server for a whole run: test files find it by TOKLIGENCE_TEST_POSTGRES_URL. */
export const startTestServer = async (): Promise<TestServer> => {
  const cluster = await temporaryCluster(cheapSessions);
  await startServer(cluster, true);
  const url = await urlOf(cluster);
  // The password that initdb has stored takes 4,096 iterations.
  await once(url, `ALTER ROLE ${clusterUser} PASSWORD '${new URL(url).password}'`);
  const stop = async () => {
    await stopServer(cluster);
    remove(cluster);
  };
  return { url, stop };
};

export interface PrivateServer extends TestDatabase {
  /** Disconnects its clients, and resolves when it has stopped. */
  stop(): Promise<void>;
  /** Ends it like a crash or the kernel. */
  kill(): Promise<void>;
  /** Starts it on the same port again. */
  start(): Promise<void>;
  /** Creates a further database on it, migrated. */
  migrated(name: string): Promise<TestDatabase>;
}

/** Starts a server for this test alone, which can be stopped and started again; with an empty database. */
export const privateServer = async (
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<PrivateServer> => {
  const cluster = await temporaryCluster(settings);
  t.after(async () => {
    await stopServer(cluster);
    remove(cluster);
  });
  await startServer(cluster, true);
  const url = await urlOf(cluster);
  return {
    url,
    query: (sql, params) => once(url, sql, params),
    stop: () => stopServer(cluster),
    kill: () => kill(cluster),
    start: () => startAgain(cluster),
    migrated: name => migratedOn(url, name),
  };
};

const migratedOn = async (server: string, name: string): Promise<TestDatabase> => {
  await once(server, `CREATE DATABASE ${name}`);
  const url = onDatabase(server, name);
  const postgres = openPostgres(url);
  await migratePostgres(postgres.pool);
  await postgres.close();
  return { url, query: (sql, params) => once(url, sql, params) };
};

let ownServer: Promise<TestServer> | null = null;
let template: Promise<string> | null = null;

const serverUrl = async (): Promise<string> => {
  const given = process.env.TOKLIGENCE_TEST_POSTGRES_URL;
  if (given !== undefined) return given;
  ownServer ??= startTestServer();
  return (await ownServer).url;
};

const createdDatabase = async (t: TestContext, server: string, from: string): Promise<TestDatabase> => {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await once(server, `CREATE DATABASE ${name} ${from}`);
  // Registered only when the test is over, so that it runs after all other handlers.
  t.after(() => t.after(() => once(server, `DROP DATABASE ${name} WITH (FORCE)`)));
  const url = onDatabase(server, name);
  return { url, query: (sql, params) => once(url, sql, params) };
};

/** Created once per server and schema, however many files ask for it at once. */
const makeTemplate = async (server: string): Promise<string> => {
  const name = `tokligence_template_${schemaHash()}`;
  const client = await connected(server);
  try {
    await client.query(`SELECT pg_advisory_lock(hashtext('tokligence_template'))`);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await makeTemplateNamed(client, server, name);
  } finally {
    await client.end();
  }
  return name;
};

const makeTemplateNamed = async (client: pg.Client, server: string, name: string): Promise<void> => {
  const unfinished = `${name}_unfinished`;
  await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`);
  const postgres = openPostgres(onDatabase(server, unfinished));
  await migratePostgres(postgres.pool);
  await postgres.close();
  // The session of a closed connection may take a moment to end.
  await client.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1', [unfinished]);
  await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
};

const schemaHash = (): string => {
  const hash = createHash('sha256');
  const folder = fileURLToPath(new URL('../../src/db/migrations/', import.meta.url));
  for (const file of globSync('*.ts', { cwd: folder }).sort()) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 16);
};

const temporaryCluster = async (settings: Readonly<Record<string, string>>): Promise<Cluster> => {
  const cluster = await openCluster(await closedFolder('postgres-test-'), false);
  leaveNothingBehind(cluster);
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await appendFile(join(cluster.folder, 'cluster', 'postgresql.conf'), lines.join(''));
  return cluster;
};

const remove = ({ folder }: Cluster): void => rmSync(join(folder, '..'), { recursive: true, force: true });

/** A run that ends early, by a fault or by Ctrl-C, stops its server. */
const leaveNothingBehind = (cluster: Cluster): void => {
  // Before the folder of the run is deleted, whose listener was registered earlier.
  process.prependOnceListener('exit', () => {
    const pid = pidOf(cluster);
    if (pid === null) return;
    process.kill(pid, 'SIGQUIT');
    // Asynchronous work is impossible here; the server removes this file last.
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; waits < 500 && pidOf(cluster) !== null; waits++) Atomics.wait(cell, 0, 0, 10);
    remove(cluster);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
};

const pidOf = ({ folder }: Cluster): number | null => {
  try {
    return Number(readFileSync(join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return null;
  }
};

const kill = async (cluster: Cluster): Promise<void> => {
  const server = await findPostmaster(cluster.folder);
  if (server === null) throw new Error('no server to kill');
  process.kill(server.pid, 'SIGKILL');
  while ((await findPostmaster(cluster.folder)) !== null) await setTimeout(5);
};

/** Until a killed server's children have ended too, their shared memory prevents a new start. */
const startAgain = async (cluster: Cluster): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      return await startServer(cluster, false);
    } catch (error) {
      if (tries === 20) throw error;
      await setTimeout(200);
    }
  }
};

const urlOf = async ({ folder, password }: Cluster): Promise<string> => {
  const port = (await findPostmaster(folder))?.port;
  return `postgres://${clusterUser}:${password}@127.0.0.1:${port}/postgres`;
};

const onDatabase = (server: string, name: string): string => {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
};

const connected = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client(connectionOptions(url, 60_000));
  client.on('error', () => {});
  await client.connect();
  return client;
};

const once = async (url: string, sql: string, params: readonly unknown[] = []): Promise<Rows> => {
  const client = await connected(url);
  try {
    const { rows } = await client.query(sql, [...params]);
    return rows;
  } finally {
    await client.end();
  }
};
