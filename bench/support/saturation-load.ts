/** A constant load: clients in a closed loop, and requests at random moments. */
import { type Dispatcher, Pool } from 'undici';
import type { Random } from '../sim/random.ts';

/** Clients that send their next request as soon as the last one is answered. */
export interface ClosedLoop {
  /** Client after client, or request after request, takes the next one. */
  readonly urls: readonly string[];
  readonly keys: readonly string[];
  readonly clients: number;
  readonly serviceMs: number;
}

/** Requests at random moments, whether or not the earlier ones are answered. */
export interface Poisson {
  readonly urls: readonly string[];
  readonly key: string;
  readonly perSecond: number;
  readonly serviceMs: number;
}

export interface SaturationLoad {
  readonly model: string;
  readonly loops: readonly ClosedLoop[];
  readonly poisson: Poisson | null;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  readonly random: Random;
}

/** The results of the measured span. */
export interface LoadResult {
  /** Latencies in milliseconds of the requests that came at random moments within it. */
  readonly poissonMs: readonly number[];
  /** For each closed loop: the latencies of the requests answered within it … */
  readonly loopMs: readonly (readonly number[])[];
  /** … and the requests per second served within it, with fractions for parts of a request. */
  readonly loopRate: readonly number[];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** To each server. */
const connecting: Pool.Options = { connections: 512, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 };

export async function saturate(load: SaturationLoad): Promise<LoadResult> {
  const begin = performance.now();
  const span = { from: begin + load.warmUpMs, to: begin + load.warmUpMs + load.measuredMs };
  // A request in service at the end of the span began within it; it is followed until it is answered.
  const until = span.to + Math.max(...load.loops.map(loop => loop.serviceMs));
  const pools = new Map<string, Pool>();
  const poolOf = (url: string) => {
    const pool = pools.get(url) ?? new Pool(url, connecting);
    pools.set(url, pool);
    return pool;
  };
  const call = caller(poolOf, load.model);
  const loops = load.loops.map(loop => runLoop(loop, call, span, until, load.random));
  const poissonMs = load.poisson === null ? [] : await runPoisson(load.poisson, call, span, load.random);
  const results = await Promise.all(loops);
  await Promise.all([...pools.values()].map(pool => pool.destroy()));
  return {
    poissonMs,
    loopMs: results.map(({ latencies }) => latencies),
    loopRate: results.map(({ work }) => (work * 1000) / load.measuredMs),
  };
}

type Call = (url: string, key: string, serviceMs: number) => Promise<void>;

async function runLoop(loop: ClosedLoop, call: Call, span: Span, until: number, random: Random) {
  const result = { latencies: [] as number[], work: 0 };
  const client = async (url: string, key: string, firstMs: number) => {
    for (let serviceMs = firstMs; performance.now() < until; serviceMs = about(loop.serviceMs, random)) {
      const sentAt = performance.now();
      // Requests that still wait in the queue at the end are dropped.
      if (!(await Promise.race([call(url, key, serviceMs).then(() => true), elapsed(until - sentAt)]))) return;
      const now = performance.now();
      if (now >= span.from && now < span.to) result.latencies.push(now - sentAt);
      const workedMs = Math.min(now, span.to) - Math.max(now - serviceMs, span.from);
      result.work += Math.max(workedMs, 0) / loop.serviceMs;
    }
  };
  // First requests have many lengths: seats that are taken at once would become free at once, again and again.
  const clients = Array.from({ length: loop.clients }, (_, index) =>
    client(nth(loop.urls, index), nth(loop.keys, index), Math.round(random.between(0, loop.serviceMs))),
  );
  await Promise.all(clients);
  return result;
}

/** Runs to the end of the span, and until all requests of the span are answered. */
async function runPoisson(poisson: Poisson, call: Call, span: Span, random: Random): Promise<number[]> {
  const latencies: Promise<number>[] = [];
  let dueAt = performance.now();
  for (let index = 0; ; index++) {
    dueAt += random.exponential(1000 / poisson.perSecond);
    if (dueAt >= span.to) return Promise.all(latencies);
    await elapsed(dueAt - performance.now());
    const cameAt = performance.now();
    const answered = call(nth(poisson.urls, index), poisson.key, poisson.serviceMs).then(
      () => performance.now() - cameAt,
    );
    if (dueAt >= span.from) latencies.push(answered);
    else answered.catch(() => {});
  }
}

/**
 * Varies by a fortieth, as real services do: with exactly equal times, seats that once became free together on a busy
 * machine would do so for ever, and a request that waits for the next seat would wait for all.
 */
const about = (serviceMs: number, random: Random): number => Math.round(serviceMs * random.between(0.975, 1.025));

const nth = (all: readonly string[], index: number): string => all[index % all.length] ?? '';

const elapsed = (ms: number) => new Promise<false>(resolve => setTimeout(resolve, Math.max(ms, 0), false));

function caller(poolOf: (url: string) => Pool, model: string): Call {
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'All work and no play.' }],
    max_tokens: 16,
  });
  return (url, key, serviceMs) =>
    new Promise((resolve, reject) => {
      let status = 0;
      let fault = '';
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart(_controller, code) {
          status = code;
        },
        onResponseData(_controller, chunk) {
          if (status !== 200) fault += chunk;
        },
        onResponseEnd: () => (status === 200 ? resolve() : reject(new Error(`answered ${status}: ${fault}`))),
        onResponseError: (_controller, error) => reject(error),
      };
      const headers = {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-service-ms': String(serviceMs),
        'x-who': key.slice(0, key.indexOf('_', 4)),
      };
      poolOf(url).dispatch({ path: '/v1/chat/completions', method: 'POST', headers, body }, handler);
    });
}
