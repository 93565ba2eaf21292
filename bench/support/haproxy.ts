/** HAProxy, if it is installed: in front of one upstream, key → priority class and seats as `maxconn`; or as it is told. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/free-port.ts';

export interface Haproxy {
  readonly url: string;
  stop(): Promise<void>;
}

/** Debian installs it outside the search path of ordinary users. */
const places = ['haproxy', '/usr/sbin/haproxy', '/usr/local/sbin/haproxy'];

/** Returns the command and its version; null if it is not installed. */
export function findHaproxy(): { readonly command: string; readonly version: string } | null {
  for (const command of places) {
    const { stdout, status } = spawnSync(command, ['-v'], { encoding: 'utf8' });
    if (status === 0) return { command, version: /version (\S+)/.exec(stdout)?.[1] ?? '' };
  }
  return null;
}

interface HaproxyOptions {
  readonly command: string;
  readonly upstreamUrl: string;
  readonly seats: number;
  /** Beginnings of keys and their classes; the lowest class is first in the queue. */
  readonly classes: Readonly<Record<string, number>>;
}

/** In front of one upstream, with a priority class for each key. */
export function startHaproxy({ command, upstreamUrl, seats, classes }: HaproxyOptions): Promise<Haproxy> {
  const lines = Object.entries(classes).map(([prefix, level]) => `${prefix} ${level}\n`);
  return launchHaproxy(command, (port, folder) => {
    const map = join(folder, 'classes.map');
    writeFileSync(map, lines.join(''));
    return configText(port, map, new URL(upstreamUrl).host, seats);
  });
}

/** `configure`: returns the text of its configuration; what belongs to that goes into the folder. */
export async function launchHaproxy(
  command: string,
  configure: (port: number, folder: string) => string,
): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-bench-'));
  const config = join(folder, 'haproxy.cfg');
  const port = await freePort();
  writeFileSync(config, configure(port, folder));
  const child = spawn(command, ['-db', '-f', config], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`HAProxy ended with ${child.exitCode}`);
    await pause(20);
  }
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Of all configurations: no request times out. */
export const haproxyDefaults = `defaults
  mode http
  timeout connect 5s
  timeout client 120s
  timeout server 120s
  timeout queue 300s
  timeout http-keep-alive 120s`;

const configText = (port: number, map: string, upstream: string, seats: number) => `
global
  maxconn 1000
${haproxyDefaults}
frontend models
  bind 127.0.0.1:${port}
  http-request set-priority-class http_auth_bearer,map_beg(${map},9)
  default_backend upstream
backend upstream
  server one ${upstream} maxconn ${seats}
`;

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
