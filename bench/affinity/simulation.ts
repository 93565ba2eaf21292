/**
 * A model with four endpoints in virtual time. The scheduler is the one that serves requests, and what a request is warm by
 * is read from its body as the gateway does; only the engines are a model: a cache of prefixes, so much time for each block
 * that is not in it, and for each token of the answer.
 */
import type { Affinity } from '../../src/domain/vocabulary.ts';
import { warmthOf } from '../../src/gateway/warmth.ts';
import { type HeapItem, IndexedHeap } from '../../src/scheduler/flows/heap.ts';
import { Place, Scheduler } from '../../src/scheduler/scheduler.ts';
import { poolSettings, tenantRules } from '../../test/support/pool-settings.ts';
import { Random } from '../sim/random.ts';
import { bytesPerToken, Conversation } from './conversations.ts';
import { PrefixCache } from './prefix-cache.ts';

export const ways = ['round robin', 'least busy', 'session', 'prefix', 'one cache for all'] as const;
export type Way = (typeof ways)[number];

export interface Shape {
  readonly way: Way;
  readonly seed: number;
  readonly minutes: number;
  /** New conversations in a second. */
  readonly perSec: number;
  /** Of each engine's cache. */
  readonly cacheBlocks: number;
}

export interface Result {
  readonly requests: number;
  /** Of all blocks of prompts, those that were in the cache. */
  readonly hitRate: number;
  /** Prefill, wait for a seat included. */
  readonly firstTokenMs: { readonly p50: number; readonly p95: number };
  /** Of requests served in all. */
  readonly served: number;
  /** Of those in progress, as the endpoint that is given one has them then; the median and the highest. */
  readonly load: { readonly p50: number; readonly most: number };
  /** Requests given beyond 1.25 times the mean, rounded up. */
  readonly overBound: number;
  /** Seats in use, in the mean. */
  readonly inUse: number;
}

const seatsEach = 16;
const ids = ['http://10.0.0.1:8000', 'http://10.0.0.2:8000', 'http://10.0.0.3:8000', 'http://10.0.0.4:8000'];
/** 8,000 tokens of prompts, and 60 of an answer, in a second. */
const msPerBlock = 32;
const msPerToken = 1000 / 60;
/** Caches are filled first. */
const warmUpMs = 5 * 60_000;

class Event implements HeapItem {
  readonly act: () => void;
  slot = -1;
  key = 0;
  turn = 0;

  constructor(act: () => void) {
    this.act = act;
  }
}

interface Turn {
  readonly conversation: Conversation;
  readonly askedAt: number;
}

export function simulate({ way, seed, minutes, perSec, cacheBlocks }: Shape): Result {
  const random = new Random(seed);
  const events = new IndexedHeap<Event>();
  const shared = new PrefixCache(cacheBlocks * ids.length);
  const cache = () => (way === 'one cache for all' ? shared : new PrefixCache(cacheBlocks));
  const engines = ids.map(() => ({ cache: cache(), served: 0, inUse: 0 }));
  const seats = ids.map(id => ({ id, seats: seatsEach }));
  const all = seatsEach * ids.length;
  const scheduler = new Scheduler<Turn>({ settings: poolSettings({ seats: all }), tenants: tenantRules({}) });
  scheduler.setEndpoints('p', seats);
  const affinity: Affinity = way === 'session' || way === 'prefix' ? way : 'none';
  const count = { requests: 0, blocks: 0, hits: 0, overBound: 0, inUse: 0 };
  const waits: number[] = [];
  const loads: number[] = [];
  const endMs = minutes * 60_000;
  let now = 0;
  let turns = 0;

  const after = (ms: number, act: () => void) => events.push(new Event(act), now + ms);
  const isMeasured = () => now >= warmUpMs;

  function ask(conversation: Conversation): void {
    const { tenant, id } = conversation;
    const flowId = `tenant-${tenant}`;
    const sent = { headers: { 'x-session-id': `s${id}` }, ...conversation.request(), flowId, keyId: tenant };
    const tokens = sent.body.bytes / bytesPerToken;
    const warmth = warmthOf(sent)(affinity);
    const demand = { flowId, level: 5, cost: tokens, tokens, bodyBytes: sent.body.bytes, warmth } as const;
    const place = new Place<Turn>(
      { conversation, askedAt: now },
      { ...demand, provider: 'p', model: 'm' },
      Number.MAX_SAFE_INTEGER,
    );
    scheduler.enqueue(place, now);
  }

  /** Round robin passes by full endpoints only. */
  function engineOf(place: Place<Turn>) {
    if (way !== 'round robin') return engines[ids.indexOf(place.endpoint?.id ?? '')];
    const order = engines.map((_, nth) => engines[(turns + nth) % engines.length]);
    turns++;
    return order.find(engine => engine !== undefined && engine.inUse < seatsEach);
  }

  function start(place: Place<Turn>): void {
    const engine = engineOf(place);
    if (engine === undefined) throw new Error('a seat is at no endpoint');
    const { conversation, askedAt } = place.holder;
    const { blocks } = conversation;
    const hits = engine.cache.hits(blocks);
    engine.cache.use(blocks);
    engine.inUse++;
    const prefillMs = (blocks.length - hits) * msPerBlock;
    const answerTokens = conversation.answerTokens();
    if (isMeasured()) {
      const mean = engines.reduce((sum, { inUse }) => sum + inUse, 0) / engines.length;
      count.requests++;
      count.blocks += blocks.length;
      count.hits += hits;
      count.inUse += mean * engines.length;
      if (engine.inUse > Math.ceil(1.25 * mean)) count.overBound++;
      engine.served++;
      loads.push(engine.inUse / mean);
      waits.push(now - askedAt + prefillMs);
    }
    after(prefillMs + answerTokens * msPerToken, () => {
      engine.inUse--;
      scheduler.finish(place, place, now);
      const pauseMs = conversation.answered(answerTokens);
      engine.cache.use(conversation.blocks);
      if (conversation.isOver) return;
      conversation.askOn();
      after(pauseMs, () => ask(conversation));
    });
  }

  let conversations = 0;
  function begin(): void {
    ask(new Conversation(conversations++, seed));
    after(random.exponential(1 / perSec) * 1000, begin);
  }

  after(0, begin);
  for (let event = events.peek(); event !== undefined && event.key <= endMs; event = events.peek()) {
    now = event.key;
    events.remove(event);
    event.act();
    for (let place = scheduler.next(now); place !== undefined; place = scheduler.next(now)) start(place);
  }
  const served = engines.map(engine => engine.served);
  const [sorted, byLoad] = [waits.toSorted((a, b) => a - b), loads.toSorted((a, b) => a - b)];
  const share = (of: readonly number[], part: number) => of[Math.floor((of.length - 1) * part)] ?? Number.NaN;
  return {
    requests: count.requests,
    hitRate: count.hits / count.blocks,
    firstTokenMs: { p50: share(sorted, 0.5), p95: share(sorted, 0.95) },
    served: (Math.max(...served) * engines.length) / count.requests,
    load: { p50: share(byLoad, 0.5), most: share(byLoad, 1) },
    overBound: count.overBound,
    inUse: count.inUse / count.requests,
  };
}
