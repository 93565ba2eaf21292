/** What a dead first target adds to the requests of a route, while nothing is known of it and while its breaker is open. */
import { fork } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { freePort } from '../../test/support/free-port.ts';
import { startTeamGateway } from '../support/gateway-process.ts';
import { nextMessage } from '../support/measured-process.ts';
import type { Row } from '../support/report.ts';
import { percentile } from '../support/rounds.ts';
import { ask, type Ended } from './clients.ts';
import { startReplica } from './replica.ts';

const serviceMs = 20;
const connectMs = 1_000;
const warmUp = 50;
const requests = 400;
/** Where each of them waits for a connection that is never made. */
const mostMs = 20_000;
/** undici looks at its timers twice a second. */
const toleranceMs = 500;

interface Deaf {
  readonly url: string;
  stop(): void;
}

export async function runDeadTarget(): Promise<Row[]> {
  const refusing: Deaf = { url: `http://127.0.0.1:${await freePort()}`, stop: () => {} };
  const rows = await against('refuses connections', refusing, 0);
  const deaf = await startDeaf();
  if (deaf === null) {
    console.log('  This system takes connections that nobody accepts: no target is silent here.');
    return rows;
  }
  return [...rows, ...(await against(`is silent, connect_timeout_sec = ${connectMs / 1_000}`, deaf, connectMs))];
}

async function against(what: string, dead: Deaf, oneConnectMs: number): Promise<Row[]> {
  const alive = await startReplica(await freePort(), { serviceMs, chunks: 0, chunkMs: 0 });
  const provider = (name: string, url: string) =>
    `[provider.${name}]\ntype = openai\nbase_url = ${url}/v1\nmodels = ${name}\nconnect_timeout_sec = ${connectMs / 1_000}\n`;
  const sections = (targets: string) =>
    `${provider('dead', dead.url)}${provider('alive', alive.url)}[model.m]\ntargets = ${targets}\n`;
  const direct = await startTeamGateway(sections('alive:m'));
  const routed = await startTeamGateway(sections('dead:m, alive:m'));
  try {
    const usualMs = percentile((await oneByOne(direct, warmUp + requests)).slice(warmUp).map(took), 0.5);
    const all = await oneByOne(routed, requests);
    return rowsOf(what, all, usualMs, oneConnectMs);
  } finally {
    await direct.stop();
    await routed.stop();
    await alive.stop();
    dead.stop();
  }
}

const took = ({ tookMs }: Ended): number => tookMs;

async function oneByOne(gateway: Awaited<ReturnType<typeof startTeamGateway>>, count: number): Promise<Ended[]> {
  const [key = ''] = await gateway.createKeys('one', 1);
  const pool = new Pool(gateway.url, { connections: 1, pipelining: 1 });
  const ended: Ended[] = [];
  const until = performance.now() + mostMs;
  for (let nth = 0; nth < count && performance.now() < until; nth++) ended.push(await ask(pool, key, false));
  await pool.close();
  return ended;
}

function rowsOf(what: string, all: readonly Ended[], usualMs: number, oneConnectMs: number): Row[] {
  const addedMs = (ended: readonly Ended[]) => ended.map(one => one.tookMs - usualMs);
  const tried = addedMs(all.filter(({ attempts }) => (attempts ?? 1) > 1));
  // The first ones pay for the start of the process.
  const spared = addedMs(all.filter(({ attempts }, nth) => attempts === 1 && nth >= warmUp));
  const refused = all.filter(({ end }) => end === 'refused').length;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const shown = (added: readonly number[]) =>
    added.length === 0
      ? 'none'
      : `p50 ${ms(percentile(added, 0.5))}, p99 ${ms(percentile(added, 0.99))}, most ${ms(Math.max(...added))} of ${added.length}`;
  return [
    {
      what: `the first target ${what}: added to requests that tried it`,
      measured: `${shown(tried)}; ${refused} errors`,
      target: `no more than a connect, ${oneConnectMs} ms; no errors`,
      isMet: refused === 0 && percentile(tried, 0.5) <= oneConnectMs + toleranceMs,
    },
    {
      what: `the first target ${what}: added to the others, as its breaker was open`,
      measured: shown(spared),
      target: 'nothing',
      isMet: spared.length > tried.length && percentile(spared, 0.5) <= serviceMs / 10,
    },
  ];
}

/**
 * A port whose connections are never made: a process that listens, accepts nothing as it is stopped, and has a full queue.
 * Null: the system makes them all the same.
 */
async function startDeaf(): Promise<Deaf | null> {
  const child = fork(new URL(import.meta.url), ['deaf'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await nextMessage(child, ({ port }) => (typeof port === 'number' ? port : undefined));
  child.kill('SIGSTOP');
  const sockets: Socket[] = [];
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    child.kill('SIGKILL');
  };
  for (let queued = 0; queued < 8; queued++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    sockets.push(socket);
    if (!(await isMade(socket))) return { url: `http://127.0.0.1:${port}`, stop };
  }
  stop();
  return null;
}

const isMade = (socket: Socket): Promise<boolean> =>
  new Promise(resolve => {
    const late = setTimeout(resolve, connectMs, false);
    socket.once('connect', () => {
      clearTimeout(late);
      resolve(true);
    });
  });

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === 'deaf') {
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : null });
  });
}
