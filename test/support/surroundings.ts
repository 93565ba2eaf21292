/** The folder of a test run's files, and the place to run it if PostgreSQL cannot run from this checkout. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, mkdtempSync, realpathSync, rmSync, statfsSync } from 'node:fs';
import { constants as system, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { copyCheckout, entersPrivateFolders, folderForNobody, reachesPrograms, root } from './accounts.ts';

/** PostgreSQL's programs call each other by a shell, which would interpret these. */
const isPlain = (path: string): boolean => !/["$`]/.test(path);

/** Creates a folder for all files of a run, deleted when the run ends in any way. */
export async function temporaryFolder(): Promise<string> {
  const place = entersPrivateFolders ? ownFolder() : await folderForNobody();
  if ('reason' in place) {
    console.error(`The tests cannot write their files: ${place.reason}`);
    process.exit(1);
  }
  const { folder } = place;
  process.once('exit', () => {
    try {
      // A killed process may write until it notices.
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      console.error(`${folder} stays behind: ${error}`);
    }
  });
  return folder;
}

function ownFolder(): { folder: string } | { reason: string } {
  const parent = resolve(process.env.TMPDIR ?? inMemory() ?? tmpdir());
  const advice = 'set TMPDIR to another folder';
  if (!isPlain(parent)) return { reason: `${parent} has a ", $ or \` in it; ${advice}` };
  try {
    const folder = realpathSync(mkdtempSync(join(parent, 'tokligence-test-')));
    // Other accounts may pass through to the folders that tests give them.
    chmodSync(folder, 0o711);
    return { folder };
  } catch (error) {
    return { reason: `${error}; ${advice}` };
  }
}

/** Short-lived databases are kept in memory if it has room for them all; null if not. */
function inMemory(): string | null {
  try {
    accessSync('/dev/shm', constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > 2 ** 31 ? '/dev/shm' : null;
  } catch {
    return null;
  }
}

/**
 * Runs the tests in a copy of this checkout and resolves to the exit code; null if they may run in the checkout itself.
 */
export async function runElsewhere(args: readonly string[]): Promise<number | null> {
  const reason = whyNotHere(root);
  if (reason === null) return null;
  const copy = join(process.env.TMPDIR ?? tmpdir(), 'checkout');
  console.log(`${reason}: testing a copy of it, ${copy}`);
  copyCheckout(copy);
  const again = whyNotHere(copy);
  if (again !== null) throw new Error(`${copy}: ${again}`);
  const child = spawn(process.execPath, ['test/run.ts', ...args], { cwd: copy, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal === null ? 0 : system.signals[signal]);
}

/** Returns the reason why PostgreSQL cannot run from this checkout; null if it can. */
function whyNotHere(checkout: string): string | null {
  if (!isPlain(checkout)) return `PostgreSQL cannot be run from ${checkout}, which has a ", $ or \` in it`;
  if (entersPrivateFolders || reachesPrograms(checkout)) return null;
  return `PostgreSQL has to be run by the account nobody here, which cannot reach ${checkout}`;
}
