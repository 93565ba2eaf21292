import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { closedFolder } from './accounts.ts';

export interface Daemon {
  readonly pid: number;
  /** Standard output and standard error so far. */
  readonly output: string;
  /** Resolves with the URL once requests are served; rejects if it exits first. */
  ready(): Promise<string>;
  /** Resolves with the output so far once it contains this. */
  said(text: string | RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** The exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** A folder with a setting.ini in it, deleted when the test ends. */
export async function settingFolder(t: TestContext, ini: string): Promise<string> {
  const folder = await closedFolder('gatewayd-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'setting.ini'), inFolder(ini, folder));
  return folder;
}

/** Replaces FOLDER by the folder's path, to be written inside double quotes. */
export const inFolder = (ini: string, folder: string): string =>
  ini.replaceAll('FOLDER', () => JSON.stringify(folder).slice(1, -1));

/** Runs a command of this project as a user would, in a process group of its own; killed if it outlives the test. */
export function startDaemon(t: TestContext, command: string, args: string[], env: Record<string, string> = {}): Daemon {
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
  const exited = new Promise<number | null>(resolve => child.once('close', code => resolve(code)));
  t.after(() => killGroup(child));
  const said = async (text: string | RegExp) => {
    const isSaid = () => (typeof text === 'string' ? output.includes(text) : text.test(output));
    while (!isSaid()) {
      const waiting = new AbortController();
      const { signal } = waiting;
      await Promise.race([once(child.stdout, 'data', { signal }), once(child.stderr, 'data', { signal }), exited]);
      // Else a listener stays for each line.
      waiting.abort();
      const end = child.exitCode ?? child.signalCode;
      if (end !== null && !isSaid()) throw new Error(`ended (${end}) before it said ${text}: ${output}`);
    }
    return output;
  };
  return {
    pid: child.pid ?? 0,
    get output() {
      return output;
    },
    exited,
    said,
    async ready() {
      await said('Ready');
      return /Listening on (http:\S+)/.exec(output)?.[1] ?? '';
    },
    signal: name => void child.kill(name),
  };
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The whole group has ended already.
  }
}

/** Whether any process of the group that this pid leads is alive. */
export function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
