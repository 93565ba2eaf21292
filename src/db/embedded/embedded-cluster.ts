import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { makeDataDir } from '../data-dir.ts';
import { type Binaries, EmbeddedFault, findBinaries } from './embedded-binaries.ts';

/* The files under `<data_dir>/postgres`. The folder appears complete or not at all:

     cluster/   PostgreSQL's data folder       password   of the one database user, mode 0600
     log        the server's output            port       chosen once, kept */
export interface Cluster {
  readonly folder: string;
  readonly password: string;
  readonly binaries: Binaries;
}

export const clusterUser = 'tokligence';
const clusterName = 'postgres';

export const clusterFolder = (dataDir: string): string => join(resolve(dataDir), clusterName);
const dataOf = (folder: string): string => join(folder, 'cluster');

/** Opens the cluster of a data folder; creates it if there is none. */
export const openCluster = async (dataDir: string, durable: boolean): Promise<Cluster> => {
  const folder = clusterFolder(dataDir);
  makeDataDir(resolve(dataDir));
  await removeUnfinished(resolve(dataDir));
  const known = await readPassword(folder);
  // The folder may be a copy whose modes come from another umask.
  if (known !== null) await keepToOwner([join(folder, 'password'), join(folder, 'port'), join(folder, 'log')]);
  if (known === null) await makeCluster(folder, durable);
  const password = known ?? (await readPassword(folder));
  if (password === null) throw new Error(`${folder} exists but holds no database of ours: move it away`);
  return { folder, password, binaries: await findBinaries(folder) };
};

const keepToOwner = async (paths: readonly string[]): Promise<void> => {
  for (const path of paths)
    await chmod(path, 0o600).catch((error: NodeJS.ErrnoException) => {
      // It does not exist yet, or belongs to another account.
      if (error.code !== 'ENOENT' && error.code !== 'EPERM') throw error;
    });
};

export const readPassword = (folder: string): Promise<string | null> => readOrNull(join(folder, 'password'));

const readOrNull = (path: string): Promise<string | null> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });

/** Created beside its final place and then renamed: an interrupted creation never looks complete. */
const makeCluster = async (folder: string, durable: boolean): Promise<void> => {
  const unfinished = await mkdtemp(`${folder}.new-${process.pid}-`);
  try {
    await writeFile(join(unfinished, 'password'), randomBytes(24).toString('base64url'), { mode: 0o600 });
    await writeFile(join(unfinished, 'port'), String(await freePort()), { mode: 0o600 });
    const { run } = await findBinaries(unfinished);
    const named = namesIn(unfinished);
    await run('initdb', [
      ...['-D', named.cluster, '-U', clusterUser, '-A', 'scram-sha-256', '--pwfile', named.password],
      ...['-E', 'UTF8', '--locale=C', '--no-instructions', ...(durable ? [] : ['--no-sync'])],
    ]);
    await appendFile(join(dataOf(unfinished), 'postgresql.conf'), serverSettings(durable));
    await rename(unfinished, folder).catch(error => {
      // Another gateway created it first; its cluster is as good as ours.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
};

/**
 * The names of the files for programs that run in the folder. pg_ctl inserts them into a shell command, between double
 * quotes; if the path has a character that is special there, pg_ctl gets relative names. An absolute path is shown by
 * `ps`, which on systems other than Linux tells whose server it is.
 */
const namesIn = (folder: string): { cluster: string; password: string; log: string } => {
  const isPlain = !/["$`\\]/.test(folder) || process.platform === 'win32';
  if (!isPlain && process.platform !== 'linux')
    throw new EmbeddedFault(`the programs of PostgreSQL cannot be told of a folder with " $ \` or \\ in it: ${folder}`);
  const named = (name: string) => (isPlain ? join(folder, name) : name);
  return { cluster: named('cluster'), password: named('password'), log: named('log') };
};

const serverSettings = (durable: boolean): string =>
  [
    '',
    '# Tokligence Gateway: reachable from this machine only, by password.',
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'log_checkpoints = off',
    ...(durable ? [] : ['fsync = off', 'full_page_writes = off']),
    '',
  ].join('\n');

const removeUnfinished = async (dataDir: string): Promise<void> => {
  for (const name of await readdir(dataDir)) {
    const maker = new RegExp(`^${clusterName}\\.new-(\\d+)-`).exec(name)?.[1];
    if (maker !== undefined && !isAlive(Number(maker))) await rm(join(dataDir, name), { recursive: true, force: true });
  }
};

/** The server of this cluster, if one runs. `port` is null until the server has written it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number | null;
}

export const findPostmaster = async (folder: string): Promise<Postmaster | null> => {
  const file = await readOrNull(join(dataOf(folder), 'postmaster.pid'));
  const [pid = '', , , port = ''] = file?.split('\n') ?? [];
  if (!/^\d+$/.test(pid) || !(await isPostmasterOf(Number(pid), dataOf(folder)))) return null;
  return { pid: Number(pid), port: /^\d+$/.test(port) ? Number(port) : null };
};

/** A pid file may outlive its server, and another process may have got its number since. */
const isPostmasterOf = async (pid: number, data: string): Promise<boolean> => {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') {
    // Fails for a zombie that no parent has waited for: the server is dead too.
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null);
    return folder === (await realpath(data));
  }
  if (process.platform === 'win32') return true;
  const { stdout } = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'command=']).catch(() => ({
    stdout: '',
  }));
  return stdout.includes(data);
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Starts the server and waits until it accepts connections. `mayMove`: uses another port if the kept one is taken. */
export const startServer = async (cluster: Cluster, mayMove: boolean): Promise<void> => {
  const { folder, binaries } = cluster;
  await removeForeignPidFile(folder);
  const port = await keptPort(folder, mayMove);
  const log = join(folder, 'log');
  const said = (await readOrNull(log))?.length ?? 0;
  const named = namesIn(folder);
  const args = ['start', '-D', named.cluster, '-l', named.log, '-w', '-t', '120', '-s', '-o', `-p ${port}`];
  try {
    await binaries.run('pg_ctl', args);
  } catch (error) {
    const reason = (await readOrNull(log))?.slice(said).trim().slice(-2_000);
    throw new Error(`the embedded PostgreSQL did not start: ${reason || error}`, { cause: error });
  }
};

/**
 * PostgreSQL replaces the pid file of a dead server itself, but not one whose number belongs to another process now.
 */
const removeForeignPidFile = async (folder: string): Promise<void> => {
  const path = join(dataOf(folder), 'postmaster.pid');
  const pid = Number((await readOrNull(path))?.split('\n')[0]);
  if (pid > 0 && isAlive(pid) && (await findPostmaster(folder)) === null) await rm(path, { force: true });
};

/** Stops the server together with its clients, and waits until it is gone. */
export const stopServer = async ({ folder, binaries }: Cluster): Promise<void> => {
  if ((await findPostmaster(folder)) === null) return;
  await binaries.run('pg_ctl', ['stop', '-D', namesIn(folder).cluster, '-m', 'fast', '-w', '-t', '60', '-s']);
};

const keptPort = async (folder: string, mayMove: boolean): Promise<number> => {
  const path = join(folder, 'port');
  const kept = Number(await readOrNull(path));
  if (kept > 0 && (!mayMove || (await isFree(kept)))) return kept;
  const port = await freePort();
  await writeFile(path, String(port), { mode: 0o600 });
  return port;
};

const isFree = (port: number): Promise<boolean> =>
  freePort(port).then(
    () => true,
    () => false,
  );

const freePort = (wanted = 0): Promise<number> =>
  new Promise((answer, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => answer(port));
    });
  });
