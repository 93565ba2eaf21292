/**
 * The load, in a process of its own so that its CPU time is counted separately: this many requests over 64 connections.
 */
import { fork } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, Pool } from 'undici';
import { nextMessage } from './measured-process.ts';

export interface Round {
  readonly url: string;
  readonly requests: number;
  readonly stream: boolean;
  /** Each request uses the next key. */
  readonly keys: readonly string[];
  /** Requests begun in a second; without it as many as are answered. */
  readonly perSecond?: number | undefined;
}

export interface RoundResult {
  /** Answers with status 200. */
  readonly served: number;
  readonly failed: number;
  readonly durationMs: number;
  /** From sending a request to the last byte of its answer. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
}

export interface Load {
  run(round: Round): Promise<RoundResult>;
  stop(): Promise<void>;
}

const connections = 64;
/** About 1 kB, the size of a chat's first turn. */
const body = (stream: boolean) =>
  JSON.stringify({
    model: 'bench-model',
    messages: [
      { role: 'system', content: 'You are a helpful assistant who answers in short, plain sentences.' },
      { role: 'user', content: 'Why does all work and no play make Jack a dull boy? '.repeat(15) },
    ],
    max_tokens: 256,
    stream,
  });

export function startLoad(): Load {
  const child = fork(new URL(import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    run(round) {
      const result = nextMessage(child, message =>
        typeof message.served === 'number' ? (message as unknown as RoundResult) : undefined,
      );
      child.send(round);
      return result;
    },
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}

async function run(round: Round): Promise<RoundResult> {
  const pool = new Pool(new URL(round.url).origin, { connections, pipelining: 1 });
  const sent = { count: 0, served: 0, failed: 0 };
  const text = body(round.stream);
  const latencies: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (sent.count < round.requests) {
        const nth = sent.count++;
        if (round.perSecond !== undefined) await until(startedAt + (nth * 1_000) / round.perSecond);
        const key = round.keys[nth % round.keys.length] ?? '';
        const sentAt = performance.now();
        const status = await exchange(pool, new URL(round.url).pathname, key, text);
        latencies.push(performance.now() - sentAt);
        if (status === 200) sent.served++;
        else sent.failed++;
      }
    }),
  );
  const durationMs = performance.now() - startedAt;
  await pool.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN;
  const latencyMs = { p50: at(0.5), p99: at(0.99) };
  return { served: sent.served, failed: sent.failed, durationMs, latencyMs };
}

async function until(time: number): Promise<void> {
  const left = time - performance.now();
  if (left > 0) await setTimeout(left);
}

/** Sends one request; resolves to its status after the last byte, 0 if it broke. */
function exchange(pool: Pool, path: string, key: string, text: string): Promise<number> {
  return new Promise(resolve => {
    let status = 0;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {},
      onResponseStart(_controller, code) {
        status = code;
      },
      onResponseData() {},
      onResponseEnd: () => resolve(status),
      onResponseError: () => resolve(0),
    };
    const headers = ['content-type', 'application/json', 'authorization', `Bearer ${key}`];
    pool.dispatch({ path, method: 'POST', headers, body: text }, handler);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.on('message', async (round: Round) => process.send?.(await run(round)));
  process.on('disconnect', () => process.exit(0));
}
