// Runs every command of the README, in its order, as a new user would type it.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { closedFolder, root } from '../support/accounts.ts';
import { groupLives } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';

interface Block {
  readonly commands: string;
  /** For a command that keeps running: the text it prints once it can be used. */
  readonly staysUntil: string | null;
  readonly isRun: boolean;
}

/** The blocks of shell commands; a comment before one tells the test how to treat it. */
function blocksOf(text: string): Block[] {
  const found = text.matchAll(/(?:<!-- test: (.+?) -->\n)?```sh\n([\s\S]+?)```/g);
  return [...found].map(([, mark, commands = '']) => ({
    commands,
    staysUntil: mark?.match(/^stays until "(.+)"$/)?.[1] ?? null,
    isRun: !mark?.startsWith('not run, '),
  }));
}

/** A home of its own, in which curl fails on an error status and `npm ci` has been done. */
async function newcomer(t: TestContext) {
  const home = await closedFolder('readme-test-');
  t.after(() => rm(home, { recursive: true, force: true }));
  await writeFile(join(home, '.curlrc'), 'silent\nshow-error\nfail-with-body\n');
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
  await mkdir(join(home, 'bin'));
  await writeFile(join(home, 'bin/npm'), `#!/bin/sh\n[ "$*" = ci ] || exec '${npm}' "$@"\n`);
  await chmod(join(home, 'bin/npm'), 0o755);
  const own = Object.entries(process.env).filter(([name]) => !/^(TOKLIGENCE_|XDG_|npm_|NODE_)/.test(name));
  const env = {
    ...Object.fromEntries(own),
    HOME: home,
    PATH: `${join(home, 'bin')}:${process.env.PATH}`,
    // The many starts share one cache of compiled modules.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(home, 'compiled'),
    TOKLIGENCE_GATEWAY_DATA_DIR: join(home, 'data'),
    TOKLIGENCE_GATEWAY_PORT: String(await freePort()),
  };
  return { env };
}

interface Terminal {
  readonly child: ChildProcess;
  said(): string;
  /** Resolves to everything printed, once it contains the text; rejects if the command ends without it. */
  saw(text: string): Promise<string>;
  readonly ended: Promise<number | null>;
}

function terminal(t: TestContext, script: string, env: Record<string, string | undefined>): Terminal {
  const child = spawn('bash', ['-ec', script], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => (text += chunk));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  t.after(() => endGroup(child, 'SIGKILL'));
  const saw = async (awaited: string): Promise<string> => {
    while (!text.includes(awaited)) {
      if (child.exitCode !== null) throw new Error(`it ended before it said ${awaited}: ${script}\n${text}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
    }
    return text;
  };
  return { child, said: () => text, saw, ended };
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined && groupLives(pid)) process.kill(-pid, signal);
}

/** Stops the command like Ctrl-C. */
async function stop({ child, ended, said }: Terminal): Promise<void> {
  endGroup(child, 'SIGINT');
  await ended;
  assert.ok(!groupLives(child.pid ?? 0), said());
}

/** Returns what a reader copies to the other terminal: the lines printed for that, or the key. */
function pastedFrom(said: string): string[] {
  const key = /^Admin key \(shown once, keep it\): (\S+)$/m.exec(said)?.[1];
  const lines = said.match(/^ {2}(?:GW|ADMIN|PROD|ANALYTICS|DB)=.+$/gm) ?? [];
  return key === undefined ? lines : [...lines, `ADMIN=${key}`];
}

test('every command of the README works, in its order', { timeout: 110_000 }, async t => {
  const { env } = await newcomer(t);
  const written = await readFile(join(root, 'README.md'), 'utf8');
  assert.match(written, /-- --demo$/m);
  const text = written
    .replaceAll('8081', env.TOKLIGENCE_GATEWAY_PORT)
    // Two seconds are as good a test as twenty.
    .replace(/-- --demo$/m, '-- --demo --demo-seconds 2');
  const blocks = blocksOf(text);
  assert.equal(blocks.length, text.match(/^```sh$/gm)?.length, 'no block is overlooked');
  assert.deepEqual(
    blocks.filter(({ isRun }) => !isRun).map(({ commands }) => commands.split(/\s{2,}|\n/, 1)[0]),
    ['npm pack', 'npm ci && npm test'],
  );

  const pasted: string[] = [];
  let serving: Terminal | null = null;
  for (const { commands, staysUntil } of blocks.filter(({ isRun }) => isRun)) {
    if (staysUntil !== null && serving !== null) await stop(serving);
    const run = terminal(t, [...pasted, commands].join('\n'), env);
    if (staysUntil === null) {
      assert.equal(await run.ended, 0, `${commands}\n${run.said()}`);
      pasted.push(...(commands.match(/^export .+$/gm) ?? []));
      continue;
    }
    serving = run;
    pasted.push(...pastedFrom(await run.saw(staysUntil)));
  }
  assert.ok(serving !== null);
  await stop(serving);
});
