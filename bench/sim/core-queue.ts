/**
 * The gateway's own scheduler, driven by a simulation: the same module that serves requests, not a copy. Only this file
 * depends on its constructor.
 */
import type { PoolSettings } from '../../src/config/config.ts';
import { Place, Scheduler } from '../../src/scheduler/scheduler.ts';
import { anyTarget, perLevel, poolSettings, tenantRules } from '../../test/support/pool-settings.ts';
import type { Job, Queue } from './job.ts';

/** Ten levels with equal shares; a case sets the only limits. */
const unlimited: Partial<PoolSettings> = {
  policy: 'wfq',
  weights: perLevel(1),
  maxQueueDepth: perLevel(Number.POSITIVE_INFINITY),
  maxQueueDepthPool: Number.POSITIVE_INFINITY,
};

export interface PoolShape extends Partial<PoolSettings> {
  readonly seats: number;
  /** By flow ID; other flows have weight 1. */
  readonly tenantWeights?: Readonly<Record<string, number>>;
}

export class CoreQueue implements Queue {
  readonly #scheduler: Scheduler<Job>;
  readonly #running = new Map<Job, Place<Job>>();

  constructor({ tenantWeights = {}, ...settings }: PoolShape) {
    const tenants = Object.entries(tenantWeights).map(([flowId, weight]) => [flowId, { weight }] as const);
    this.#scheduler = new Scheduler<Job>({
      settings: poolSettings({ ...unlimited, ...settings }),
      tenants: tenantRules(Object.fromEntries(tenants)),
    });
  }

  enqueue(job: Job, nowMs: number): boolean {
    const { flowId, level, estimate, tokens } = job.demand;
    const fields = { ...anyTarget, flowId, level, cost: estimate, tokens, bodyBytes: 0 };
    const place = new Place(job, fields, Number.POSITIVE_INFINITY);
    return this.#scheduler.enqueue(place, nowMs) === 'queued';
  }

  next(nowMs: number): Job | undefined {
    const place = this.#scheduler.next(nowMs);
    if (place === undefined) return undefined;
    this.#running.set(place.holder, place);
    return place.holder;
  }

  progress(job: Job, cost: number, nowMs: number): void {
    this.#scheduler.progress(this.#placeOf(job), { cost, tokens: job.demand.tokens }, nowMs);
  }

  finish(job: Job, cost: number, nowMs: number): void {
    this.#scheduler.finish(this.#placeOf(job), { cost, tokens: job.demand.tokens }, nowMs);
    this.#running.delete(job);
  }

  #placeOf(job: Job): Place<Job> {
    const place = this.#running.get(job);
    if (place === undefined) throw new Error(`job ${job.id} holds no seat`);
    return place;
  }
}
