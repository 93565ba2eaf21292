/**
 * `npm run soak`: a whole gateway under twice its capacity, for a long time: mixed requests, clients that leave at any
 * byte or while they wait, an upstream that breaks off, and a mapping changed each second. At the end every request has
 * ended, on both sides and in equal number; no seat and no socket is left; memory has not grown.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, fetch } from 'undici';
import { nextMessage } from '../../bench/support/measured-process.ts';
import { spread } from '../../bench/support/rounds.ts';
import type { LoadCounts, LoadPlan } from './load.ts';
import { outcomesIn, type Sample, sampleOf, slopePercent, valueIn } from './samples.ts';
import { meanServiceMs, type UpstreamCounts } from './upstream.ts';

const help = `Usage: npm run soak -- [--minutes 15] [--warmup 5] [--seats 16] [--seed N]

A gateway (Team edition, embedded PostgreSQL) under twice its capacity for so many minutes. The slope of its memory is
taken after the warm-up. Exits with 1 if anything sent did not end in exactly one way, or a seat or socket was left.`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '15' },
    warmup: { type: 'string', default: '5' },
    seats: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    help: { type: 'boolean', default: false },
  },
});
const [minutes, warmup, seats, seed] = [values.minutes, values.warmup, values.seats, values.seed].map(Number);
const adminKey = 'tok_admin_key_of_the_soak_0123456789';
const sampleEveryMs = 5_000;
/** All requests of this process to the gateway use one connection. */
const own = new Agent({ connections: 1 });
const levels = [0, 1, 2, 3, 5, 6, 7, 9];

async function main(): Promise<void> {
  if (![minutes, warmup, seats, seed].every(value => value !== undefined && value >= 0))
    throw new Error('--minutes, --warmup, --seats and --seed take numbers');
  const folder = mkdtempSync(join(tmpdir(), 'soak-'));
  const upstream = await forked(new URL('./upstream.ts', import.meta.url), [String(seed)]);
  const gateway = await startGateway(folder, upstream.port);
  const load = await forked(new URL('./load.ts', import.meta.url), []);
  try {
    const keys = await createTenants(gateway.url);
    const perSec = (2 * Number(seats) * 1_000) / meanServiceMs;
    console.log(`${seats} seats of ${meanServiceMs} ms: ${perSec} requests/s for ${minutes} min, seed ${seed}`);
    console.log(
      `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
    );
    load.child.send({ url: gateway.url, keys, perSec, seed } as LoadPlan);
    const samples = await watch(gateway.url);
    load.child.send('stop');
    const isSound = await judge(gateway.url, load.child, upstream.child);
    tell(samples);
    process.exitCode = isSound ? 0 : 1;
  } finally {
    load.child.disconnect();
    upstream.child.disconnect();
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function forked(file: URL, args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const port = await nextMessage(child, message => (typeof message.port === 'number' ? message.port : undefined));
  return { child, port };
}

async function startGateway(folder: string, upstreamPort: number) {
  const file = join(folder, 'setting.ini');
  const provider = (name: string, type: string, path: string) =>
    `[provider.${name}]\ntype = ${type}\nbase_url = http://127.0.0.1:${upstreamPort}${path}\nmax_concurrent = ${seats}\npool = p\n`;
  writeFileSync(
    file,
    `[gateway]\nedition = team\nport = 0\ndata_dir = ${folder}/data\n[auth]\nadmin_key = ${adminKey}\n` +
      `[api_key_priority]\nenabled = true\n[scheduler]\nmax_queue_depth = 50\nqueue_timeout_sec = 5\n` +
      `[log]\nformat = json\n${provider('a', 'openai', '/v1')}${provider('b', 'anthropic', '')}`,
  );
  const child = spawn(process.execPath, ['src/gatewayd.ts', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      // Only the output at the start matters; the rest is read so that the process does not block.
      if (output.length < 100_000) output += text;
      const found = /Listening on (http:\S+?) .*"Ready"/s.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    void exited.then(() => reject(new Error(`the gateway ended before it was ready: ${output}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function admin(url: string, method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(url + path, {
    dispatcher: own,
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function createTenants(url: string): Promise<string[]> {
  const keys: string[] = [];
  for (const level of levels) {
    const user = await admin(url, 'POST', '/admin/users', { email: `u${level}@soak`, role: 'gateway_user' });
    const prefix = `p${level}`;
    const { key } = await admin(url, 'POST', '/admin/api-keys', { user_id: user.id, prefix });
    const row = { pattern: `tok_${prefix}_`, match_type: 'prefix', priority: level, tenant_id: prefix };
    await admin(url, 'POST', '/admin/api-key-priority/mappings', row);
    keys.push(key);
  }
  return keys;
}

/** Changes a mapping each second and reads the metrics, until the time is over. */
async function watch(url: string): Promise<Sample[]> {
  const { mappings } = await admin(url, 'GET', '/admin/api-key-priority/mappings');
  const startedAt = performance.now();
  const samples: Sample[] = [];
  for (let second = 0; performance.now() - startedAt < Number(minutes) * 60_000; second++) {
    const { id } = mappings[second % mappings.length];
    await admin(url, 'PUT', `/admin/api-key-priority/mappings/${id}`, { priority: second % 10 });
    await pause(1_000);
    if (second % (sampleEveryMs / 1_000) !== 0) continue;
    samples.push(sampleOf(await metricsOf(url), (performance.now() - startedAt) / 60_000));
    if (second % 60 === 0) tellOne(samples.at(-1));
  }
  return samples;
}

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`, { dispatcher: own })).text();

async function judge(url: string, load: ChildProcess, upstream: ChildProcess): Promise<boolean> {
  const ask = <T>(child: ChildProcess): Promise<T> => {
    const answer = nextMessage(child, message => message.counts as T | undefined);
    child.send('counts');
    return answer;
  };
  const look = async () => {
    const [sent, seen] = [await ask<LoadCounts>(load), await ask<UpstreamCounts>(upstream)];
    const [pool, metrics] = [await poolOf(url), await metricsOf(url)];
    // One connection is that of this request.
    return { sent, seen, pool, metrics, sockets: valueIn(metrics, 'tokligence_connections') - 1 };
  };
  const isQuiet = ({ sent, seen, pool, sockets }: Awaited<ReturnType<typeof look>>) =>
    sent.open === 0 && pool.in_use === 0 && pool.waiting === 0 && sockets === 0 && seen.connections === 0;
  let last = await look();
  // Idle connections to the upstream are the last to close.
  for (let tries = 0; tries < 900 && !isQuiet(last); tries++) {
    await pause(100);
    last = await look();
  }
  const { sent, seen, pool, sockets } = last;
  const outcomes = outcomesIn(last.metrics);
  const ended = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  const refused = Object.values(sent.refused).reduce((sum, count) => sum + count, 0);
  console.log(
    `clients   sent ${sent.sent} = served ${sent.served} + refused ${refused} + left ${sent.aborted} + broken ${sent.broken}`,
  );
  console.log(`          refused by status: ${JSON.stringify(sent.refused)}`);
  console.log(`gateway   ${ended} ended: ${JSON.stringify(outcomes)}`);
  console.log(
    `upstream  seen ${seen.seen} = answered ${seen.answered} + cut ${seen.cut}, at most ${seen.maxActive} at once`,
  );
  const claims: [string, boolean][] = [
    ['every client has ended in one way', sent.sent === sent.served + refused + sent.aborted + sent.broken],
    ['no connection broke under a client that stayed', sent.broken === 0],
    ['the gateway counts as many', ended === sent.sent],
    ['the upstream has ended as many as it saw', seen.seen === seen.answered + seen.cut && seen.active === 0],
    ['never more upstream than there are seats', seen.maxActive <= Number(seats)],
    ['no seat is left, and nobody waits', pool.in_use === 0 && pool.waiting === 0],
    ['no connection of a client is left', sockets === 0],
    ['no connection to the upstream is left', seen.connections === 0],
    ['nothing failed inside', outcomes.internal === undefined],
  ];
  for (const [claim, holds] of claims) console.log(`${holds ? 'ok  ' : 'FAIL'} ${claim}`);
  return claims.every(([, holds]) => holds);
}

async function poolOf(url: string): Promise<{ in_use: number; waiting: number }> {
  const { pools } = await admin(url, 'GET', '/admin/scheduler/stats');
  const [{ in_use, levels: all }] = pools;
  return { in_use, waiting: all.reduce((sum: number, { waiting }: { waiting: number }) => sum + waiting, 0) };
}

function tellOne(sample: Sample | undefined): void {
  if (sample === undefined) return;
  const { atMin, rssMb, heapMb, loopP99Ms } = sample;
  console.log(
    `  ${atMin.toFixed(1).padStart(5)} min  RSS ${rssMb.toFixed(0)} MB  heap ${heapMb.toFixed(0)} MB  loop p99 ${loopP99Ms.toFixed(1)} ms`,
  );
}

function tell(samples: readonly Sample[]): void {
  const after = samples.filter(({ atMin }) => atMin >= Number(warmup));
  if (after.length < 3) return;
  const { median, max } = spread(after.map(({ loopP99Ms }) => loopP99Ms));
  console.log(`after ${warmup} min of warm-up, ${after.length} samples:`);
  console.log(`  RSS slope   ${slopePercent(after, ({ rssMb }) => rssMb).toFixed(2)} %/min`);
  console.log(`  heap slope  ${slopePercent(after, ({ heapMb }) => heapMb).toFixed(2)} %/min`);
  console.log(`  loop delay  p99 of 5 s: median ${median.toFixed(1)} ms, worst ${max.toFixed(1)} ms`);
}

if (values.help) console.log(help);
else await main();
