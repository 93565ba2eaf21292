/** The cases of saturation: eight seats, a hundred clients that send without a pause, and the gateway's side of them. */
import { Random } from '../sim/random.ts';
import type { Admin } from './gateway-process.ts';
import { type ClosedLoop, type LoadResult, type Poisson, saturate } from './saturation-load.ts';

export const seats = 8;
export const classes = { tok_urgent: 0, tok_batch: 9, tok_big: 5, tok_small: 5 };
export type Who = keyof typeof classes;
export type KeyOf = (who: Who) => string;

export interface SaturationCase {
  readonly title: string;
  /** The name of the pool, see `poolSections`. */
  readonly model: 'plain' | 'reserve';
  readonly loops: readonly { readonly who: Who; readonly clients: number; readonly serviceMs: number }[];
  readonly urgent: { readonly perSecond: number; readonly serviceMs: number } | null;
  readonly warmUpMs: number;
}

const urgent = { perSecond: 4, serviceMs: 200 };

export const short: SaturationCase = {
  title: 'P9 service 200 ms: latency of P0, which takes 200 ms itself',
  model: 'plain',
  loops: [{ who: 'tok_batch', clients: 100, serviceMs: 200 }],
  urgent,
  warmUpMs: 2_000,
};

export const long: SaturationCase = {
  title: 'P9 service 5 s, in the gateway 2 of the 8 seats reserved for P0: latency of P0, which takes 200 ms',
  model: 'reserve',
  loops: [{ who: 'tok_batch', clients: 100, serviceMs: 5_000 }],
  urgent,
  warmUpMs: 5_000,
};

export const fairness: SaturationCase = {
  title: 'One level, a tenant with 100 clients and one with 2, service 200 ms: the small one',
  model: 'plain',
  loops: [
    { who: 'tok_big', clients: 100, serviceMs: 200 },
    { who: 'tok_small', clients: 2, serviceMs: 200 },
  ],
  urgent: null,
  warmUpMs: 3_000,
};

export interface Round {
  /** The servers that its clients are spread over. */
  readonly urls: readonly string[];
  readonly keyOf: KeyOf;
  readonly seed: number;
  readonly seconds: number;
}

export function saturatedRound(each: SaturationCase, { urls, keyOf, seed, seconds }: Round): Promise<LoadResult> {
  const loops: ClosedLoop[] = each.loops.map(({ who, ...loop }) => ({ ...loop, urls, keys: [keyOf(who)] }));
  const poisson: Poisson | null = each.urgent && { ...each.urgent, urls, key: keyOf('tok_urgent') };
  return saturate({
    model: each.model,
    loops,
    poisson,
    warmUpMs: each.warmUpMs,
    measuredMs: seconds * 1000,
    random: new Random(seed),
  });
}

export const roundMs = ({ warmUpMs, loops }: SaturationCase, seconds: number): number =>
  warmUpMs + seconds * 1000 + Math.max(...loops.map(loop => loop.serviceMs));

const provider = (name: string, upstreamUrl: string, count: number) => `
[provider.${name}]
type = openai
base_url = ${upstreamUrl}/v1
models = ${name}
max_concurrent = ${count}`;

/** Two pools, one with seats reserved for P0. No request times out in the queue, as with HAProxy. */
export const poolSections = (upstreamUrl: string, count = { seats, reserved: 2 }): string => `
${provider('plain', upstreamUrl, count.seats)}
${provider('reserve', upstreamUrl, count.seats)}
[scheduler]
queue_timeout_sec = 3600
[pool.reserve]
reserved = ${count.reserved},0,0,0,0,0,0,0,0,0`;

/** Maps each class to its level, and creates a key of it. */
export async function createClasses({ admin, createKeys }: Admin): Promise<KeyOf> {
  const keys = new Map<string, string>();
  for (const [prefix, priority] of Object.entries(classes)) {
    const tenant_id = prefix.replace('tok_', '');
    const mapping = { pattern: `${prefix}_*`, match_type: 'prefix', priority, tenant_id };
    await admin('POST', '/admin/api-key-priority/mappings', mapping);
    const [key = ''] = await createKeys(tenant_id, 1);
    keys.set(prefix, key);
  }
  return who => keys.get(who) ?? '';
}

/** Resolves when no request waits or is served. */
export async function untilIdle({ admin }: Pick<Admin, 'admin'>): Promise<void> {
  for (;;) {
    const { pools } = (await admin('GET', '/admin/scheduler/stats')) as { pools: PoolFigures[] };
    if (pools.every(pool => pool.in_use === 0 && pool.levels.every(level => level.waiting === 0))) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

interface PoolFigures {
  readonly in_use: number;
  readonly levels: readonly { readonly waiting: number }[];
}
