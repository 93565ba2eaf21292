/** A gateway in a process of its own as the target of inputs; its logged faults are kept. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const adminKey = 'tok_admin_key_of_the_fuzzing_0123456789';

export interface TargetGateway {
  readonly url: string;
  readonly port: number;
  /** Lines of level error, and an unexpected exit. */
  readonly faults: string[];
  admin(method: string, path: string, body?: unknown): Promise<Response>;
  /** Returns the number of requests with a seat or waiting, over all pools. */
  busy(): Promise<number>;
  stop(): Promise<void>;
}

export async function startTarget(edition: 'personal' | 'team', providers: string): Promise<TargetGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-gateway-'));
  const file = join(folder, 'setting.ini');
  writeFileSync(
    file,
    `[gateway]\nedition = ${edition}\nport = 0\ndata_dir = ${folder}/data\nshutdown_grace_sec = 1\n[auth]\nadmin_key = ${adminKey}\n` +
      `[log]\nformat = json\n${providers}`,
  );
  const child = spawn(process.execPath, ['src/gatewayd.ts', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const faults: string[] = [];
  let isStopping = false;
  const exited = new Promise<void>(resolve => {
    child.once('exit', (code, signal) => {
      if (!isStopping) faults.push(`the gateway ended: ${code ?? signal}`);
      resolve();
    });
  });
  const url = await new Promise<string>((resolve, reject) => {
    let rest = '';
    const hear = (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.includes('"level":"error"') || !line.startsWith('{')) faults.push(line);
        const found = /Listening on (http:[^ ]+)/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      }
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    void exited.then(() => reject(new Error(`the gateway did not start: ${faults.join('\n')}`)));
  });
  const target: TargetGateway = {
    url,
    port: Number(new URL(url).port),
    faults,
    admin: (method, path, body) =>
      fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${adminKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    async busy() {
      const { pools } = (await (await target.admin('GET', '/admin/scheduler/stats')).json()) as any;
      let busy = 0;
      for (const { in_use, levels } of pools) {
        busy += in_use;
        for (const { waiting } of levels) busy += waiting;
      }
      return busy;
    },
    async stop() {
      isStopping = true;
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  while ((await fetch(`${url}/readyz`)).status !== 200) await new Promise(resolve => setTimeout(resolve, 50));
  return target;
}

/** The longest time in which further log lines may come. */
const settleMs = 30_000;

/** Resolves when nothing waits and no seat is taken. */
export async function untilIdle(target: TargetGateway): Promise<void> {
  const deadline = performance.now() + settleMs;
  while ((await target.busy()) > 0) {
    if (performance.now() > deadline) throw new Error(`${await target.busy()} requests are still there`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
