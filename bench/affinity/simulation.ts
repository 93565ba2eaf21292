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

export function simulate(shape: Shape): Result {
  const run = new Run(shape);
  run.begin();
  run.until(shape.minutes * 60_000);
  return run.result();
}

class Engine {
  readonly cache: PrefixCache;
  /** Since the warm-up. */
  served = 0;
  inUse = 0;

  constructor(cache: PrefixCache) {
    this.cache = cache;
  }
}

class Run {
  readonly #shape: Shape;
  readonly #affinity: Affinity;
  readonly #random: Random;
  readonly #events = new IndexedHeap<Event>();
  readonly #engines: readonly Engine[];
  readonly #scheduler: Scheduler<Turn>;
  readonly #count = { requests: 0, blocks: 0, hits: 0, overBound: 0, inUse: 0 };
  readonly #waits: number[] = [];
  readonly #loads: number[] = [];
  #conversations = 0;
  #turns = 0;
  #now = 0;

  constructor(shape: Shape) {
    const { way, seed, cacheBlocks } = shape;
    this.#shape = shape;
    this.#affinity = way === 'session' || way === 'prefix' ? way : 'none';
    this.#random = new Random(seed);
    const shared = new PrefixCache(cacheBlocks * ids.length);
    this.#engines = ids.map(() => new Engine(way === 'one cache for all' ? shared : new PrefixCache(cacheBlocks)));
    const settings = poolSettings({ seats: seatsEach * ids.length });
    this.#scheduler = new Scheduler<Turn>({ settings, tenants: tenantRules({}) });
    this.#scheduler.setEndpoints(
      'p',
      ids.map(id => ({ id, seats: seatsEach })),
    );
  }

  /** One conversation begins, and later the next. */
  begin(): void {
    const { seed, perSec } = this.#shape;
    this.#ask(new Conversation(this.#conversations++, seed));
    this.#after(this.#random.exponential(1 / perSec) * 1000, () => this.begin());
  }

  until(endMs: number): void {
    this.#startAll();
    for (let event = this.#events.peek(); event !== undefined && event.key <= endMs; event = this.#events.peek()) {
      this.#now = event.key;
      this.#events.remove(event);
      event.act();
      this.#startAll();
    }
  }

  result(): Result {
    const { requests, hits, blocks, overBound, inUse } = this.#count;
    const share = (of: readonly number[], part: number) =>
      of.toSorted((a, b) => a - b)[Math.floor((of.length - 1) * part)] ?? Number.NaN;
    return {
      requests,
      hitRate: hits / blocks,
      firstTokenMs: { p50: share(this.#waits, 0.5), p95: share(this.#waits, 0.95) },
      served: (Math.max(...this.#engines.map(({ served }) => served)) * ids.length) / requests,
      load: { p50: share(this.#loads, 0.5), most: share(this.#loads, 1) },
      overBound,
      inUse: inUse / requests,
    };
  }

  #after(ms: number, act: () => void): void {
    this.#events.push(new Event(act), this.#now + ms);
  }

  #ask(conversation: Conversation): void {
    const { tenant, id } = conversation;
    const flowId = `tenant-${tenant}`;
    const sent = { headers: { 'x-session-id': `s${id}` }, ...conversation.request(), flowId, keyId: tenant };
    const tokens = sent.body.bytes / bytesPerToken;
    const demand = { flowId, level: 5, cost: tokens, tokens, bodyBytes: sent.body.bytes } as const;
    const target = { provider: 'p', model: 'm', warmth: warmthOf(sent)(this.#affinity) };
    const turn = { conversation, askedAt: this.#now };
    this.#scheduler.enqueue(new Place<Turn>(turn, { ...demand, ...target }, Number.MAX_SAFE_INTEGER), this.#now);
  }

  #startAll(): void {
    for (let place = this.#scheduler.next(this.#now); place; place = this.#scheduler.next(this.#now))
      this.#start(place);
  }

  #start(place: Place<Turn>): void {
    const { conversation, askedAt } = place.holder;
    const engine = this.#engineOf(place);
    const { blocks } = conversation;
    const hits = engine.cache.hits(blocks);
    engine.cache.use(blocks);
    engine.inUse++;
    const prefillMs = (blocks.length - hits) * msPerBlock;
    if (this.#now >= warmUpMs) {
      this.#measure(engine);
      this.#count.blocks += blocks.length;
      this.#count.hits += hits;
      this.#waits.push(this.#now - askedAt + prefillMs);
    }
    const answerTokens = conversation.answerTokens();
    this.#after(prefillMs + answerTokens * msPerToken, () => this.#end(place, engine, answerTokens));
  }

  #end(place: Place<Turn>, engine: Engine, answerTokens: number): void {
    const { conversation } = place.holder;
    engine.inUse--;
    this.#scheduler.finish(place, place, this.#now);
    const pauseMs = conversation.answered(answerTokens);
    engine.cache.use(conversation.blocks);
    if (conversation.isOver) return;
    conversation.askOn();
    this.#after(pauseMs, () => this.#ask(conversation));
  }

  /** Round robin passes by full endpoints only. */
  #engineOf({ endpoint }: Place<Turn>): Engine {
    const from = this.#shape.way === 'round robin' ? this.#turns++ : ids.indexOf(endpoint?.id ?? '');
    for (let step = 0; step < ids.length; step++) {
      const engine = this.#engines[(from + step) % ids.length];
      if (engine !== undefined && engine.inUse < seatsEach) return engine;
    }
    throw new Error('a seat is at no endpoint');
  }

  #measure(engine: Engine): void {
    const mean = this.#engines.reduce((sum, { inUse }) => sum + inUse, 0) / ids.length;
    this.#count.requests++;
    this.#count.inUse += mean * ids.length;
    if (engine.inUse > Math.ceil(1.25 * mean)) this.#count.overBound++;
    engine.served++;
    this.#loads.push(engine.inUse / mean);
  }
}
