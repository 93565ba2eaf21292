/** The daemon as an operator starts it, with all the processes that it starts itself. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { BenchDatabase } from './gateway-process.ts';
import { teamSettings } from './team.ts';

export interface DaemonProcess {
  readonly url: string;
  /** User and system time of all its processes since their start. Linux only. */
  cpuMicros(): number;
  stop(): Promise<void>;
}

/** Rejects with what it has written when it ends before it is ready. */
export async function startDaemonProcess(
  { url: database, dataDir }: BenchDatabase,
  name: string,
  sections: { readonly gateway: string; readonly rest: string },
): Promise<DaemonProcess> {
  const file = join(dataDir, `${name}.ini`);
  const rest = `[log]\nlevel = info\nformat = json\n${sections.rest}`;
  const text = teamSettings({ database, dataDir: join(dataDir, name), rest });
  writeFileSync(file, text.replace('[gateway]', `[gateway]\n${sections.gateway}`));
  const child = spawn(process.execPath, ['src/gatewayd.ts', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let written = '';
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  child.stderr.on('data', piece => {
    written += piece;
  });
  createInterface(child.stdout).on('line', line => {
    if (written.length < 10_000) written += `${line}\n`;
    const isReady = line.includes('"Ready"');
    const found = isReady ? /Listening on (http:[^\s"]+)/.exec(written)?.[1] : undefined;
    if (found !== undefined) resolve(found);
  });
  void exited.then(() => reject(new Error(`the daemon ended: ${written}`)));
  return {
    url: await url,
    cpuMicros: () => cpuMicrosOf(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** As Linux counts it on all common machines. */
const ticksPerSecond = 100;

function cpuMicrosOf(pid: number): number {
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
  // The name of the program may have spaces; behind it, user and system time are the 12th and 13th fields.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const own = ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond;
  return children.reduce((sum, child) => sum + cpuMicrosOf(Number(child)), own);
}
