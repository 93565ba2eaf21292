import pg from 'pg';
import { type Clock, systemClock } from '../../domain/clock.ts';
import type { Events } from '../../telemetry/events.ts';
import { toldWait } from '../../telemetry/told-wait.ts';
import { knownOfEmbedded } from '../postgres/postgres.ts';
import { serverRun } from '../postgres/server-run.ts';
import { EmbeddedFault } from './embedded-binaries.ts';
import {
  type Cluster,
  clusterFolder,
  clusterUser,
  findPostmaster,
  openCluster,
  readPassword,
  startServer,
  stopServer,
} from './embedded-cluster.ts';

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly log: Pick<Events, 'info' | 'warn' | 'error'>;
  readonly clock?: Clock;
  /** False trades safety against power loss for speed; for tests. */
  readonly durable?: boolean;
}

export interface Embedded {
  readonly url: string;
  /** The run of the server (`serverRun`), if it was down and this process has started it; else null. */
  readonly startedRun: string | null;
  /** Stops the server unless another gateway on the same data folder still uses it. */
  stop(): Promise<void>;
}

/**
 * Starts the PostgreSQL of a data folder, or adopts the one that runs there, because it survives a gateway that was
 * killed. If it disappears, it is started again on the same port.
 *
 * Several gateways may share it. Each holds a lease: a session with a shared advisory lock. A gateway that stops
 * returns its lease and requests the exclusive lock; only the last one gets it, and stops the server. The session of a
 * killed gateway, and so its lease, ends by itself: nothing stale remains.
 */
export const startEmbedded = async (options: EmbeddedOptions): Promise<Embedded> => {
  const { dataDir, log, clock = systemClock, durable = true } = options;
  const told = { log, clock };
  const cluster = await toldWait(`initdb to make a PostgreSQL in ${dataDir}`, openCluster(dataDir, durable), told);
  const starting = `the PostgreSQL in ${cluster.folder} to start and to answer; the file log there says what it does`;
  const lease = await toldWait(starting, takeLease(cluster, true), told);
  await createDatabase(lease.client);
  const startedRun = lease.wasDown ? await runOf(lease.client) : null;
  const keeper = new Keeper(cluster, lease.client, log);
  return { url: urlOf(cluster.password, lease.port, database), startedRun, stop: () => keeper.stop() };
};

/** Returns the URL of the server that runs on this data folder; null if none runs. */
export const findEmbedded = async (dataDir: string): Promise<string | null> => {
  const folder = clusterFolder(dataDir);
  const password = await readPassword(folder);
  const server = password === null ? null : await findPostmaster(folder);
  if (password === null || server === null || server.port === null) return null;
  return urlOf(password, server.port, database);
};

const database = 'tokligence';
/** The database of the leases. It holds no tables of ours, so it stays when databases are created and dropped. */
const leaseDatabase = 'postgres';
const leaseLock = 7_081_081;

const urlOf = (password: string, port: number, name: string): string =>
  `postgres://${clusterUser}:${password}@127.0.0.1:${port}/${name}`;

interface Lease {
  readonly client: pg.Client;
  readonly port: number;
  /** No server ran until this process has started it. */
  readonly wasDown: boolean;
}

const startTries = 3;
const waitMs = 100;
/** PostgreSQL may need a moment to notice that the session of a killed gateway has ended. */
const leftBehindMs = 500;
/** A server that lives but does not answer may be replaying its log after a crash. */
const answerWithinMs = 120_000;

/** Adopts the running server or starts one, until a session on it holds the lease. */
const takeLease = async (cluster: Cluster, mayMove: boolean): Promise<Lease> => {
  const deadline = performance.now() + answerWithinMs;
  let wasDown = false;
  for (let tries = 0; performance.now() < deadline; ) {
    const server = await findPostmaster(cluster.folder);
    if (server === null) {
      tries += 1;
      const starting = startServer(cluster, mayMove).then(() => true);
      wasDown = await starting.catch(async error => {
        if (error instanceof EmbeddedFault || tries === startTries) throw error;
        // Another gateway may be starting it, or the last server's children may still be leaving.
        await sleep(1_000);
        return false;
      });
      continue;
    }
    const client = server.port === null ? null : await leaseOn(cluster.password, server.port);
    if (client !== null && server.port !== null) return { client, port: server.port, wasDown };
    await sleep(waitMs);
  }
  throw new EmbeddedFault(
    `the embedded PostgreSQL in ${cluster.folder} runs but does not answer; see the file log there`,
  );
};

/** Null while the server is starting or stopping. */
const leaseOn = async (password: string, port: number): Promise<pg.Client | null> => {
  const client = new pg.Client({
    ...knownOfEmbedded,
    connectionString: urlOf(password, port, leaseDatabase),
    application_name: 'tokligence-gateway lease',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock_shared($1)', [leaseLock]);
    return client;
  } catch (error) {
    await client.end();
    const wrongPassword = error instanceof pg.DatabaseError && error.code === '28P01';
    if (wrongPassword) throw new EmbeddedFault('the embedded PostgreSQL does not accept the password kept beside it');
    return null;
  }
};

const runOf = async (client: pg.Client): Promise<string | null> => {
  const { rows } = await client.query<{ run: string }>(`SELECT ${serverRun} AS run`);
  return rows[0]?.run ?? null;
};

const createDatabase = async (client: pg.Client): Promise<void> => {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
  if (rowCount !== 0) return;
  await client.query(`CREATE DATABASE ${database}`).catch(error => {
    // Another gateway created it first, or is creating it at this moment.
    if (error.code !== '42P04' && error.code !== '23505') throw error;
  });
};

/** Holds the lease; starts the server again if it disappears. */
class Keeper {
  readonly #cluster: Cluster;
  readonly #log: EmbeddedOptions['log'];
  #client: pg.Client;
  #recovering: Promise<void> | null = null;
  #isStopping = false;

  constructor(cluster: Cluster, client: pg.Client, log: EmbeddedOptions['log']) {
    this.#cluster = cluster;
    this.#log = log;
    this.#client = this.#watched(client);
  }

  #watched(client: pg.Client): pg.Client {
    client.once('end', () => {
      if (this.#isStopping) return;
      this.#log.warn('The embedded PostgreSQL went away: starting it again');
      this.#recovering = this.#recover();
    });
    return client;
  }

  async #recover(): Promise<void> {
    let said = '';
    while (!this.#isStopping) {
      try {
        this.#client = this.#watched((await takeLease(this.#cluster, false)).client);
        this.#log.info('The embedded PostgreSQL is back');
        return;
      } catch (error) {
        if (String(error) !== said) this.#log.error('The embedded PostgreSQL could not be started again', error);
        said = String(error);
        await sleep(1_000);
      }
    }
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    await this.#recovering;
    if (await this.#isUsedByOthers())
      this.#log.info('The embedded PostgreSQL stays up for another gateway on its data folder');
    else await stopServer(this.#cluster);
    await this.#client.end();
  }

  async #isUsedByOthers(): Promise<boolean> {
    try {
      await this.#client.query('SELECT pg_advisory_unlock_shared($1)', [leaseLock]);
      for (let waitedMs = 0; waitedMs <= leftBehindMs; waitedMs += waitMs) {
        const { rows } = await this.#client.query('SELECT pg_try_advisory_lock($1) AS alone', [leaseLock]);
        if (rows[0]?.alone === true) return false;
        await sleep(waitMs);
      }
      return true;
    } catch {
      // Without a session there is no server, or it is stopping.
      return false;
    }
  }
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
