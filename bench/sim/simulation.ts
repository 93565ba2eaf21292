/**
 * A pool and its upstream in virtual time. Events are taken from a heap by (time, sequence); nothing
 * here waits for a real clock, and nothing depends on one.
 *
 * The queue decides which job may start, by its seats and by the upstream's room for tokens; a job that
 * starts holds both for prefill + decode. The upstream takes jobs on
 *   at once                 as soon as one arrives or ends, or
 *   every `admitEveryMs`    in batches, as an inference engine does that looks at its queue every few steps
 */
import { type HeapItem, IndexedHeap } from '../../src/scheduler/flows/heap.ts';
import type { Job, Queue } from './job.ts';
import { TraceHash } from './trace-hash.ts';

class Event implements HeapItem {
  readonly action: () => void;
  slot = -1;
  key = 0;
  turn = 0;

  constructor(action: () => void) {
    this.action = action;
  }
}

export interface SimulationOptions {
  readonly queue: Queue;
  readonly admitEveryMs?: number;
  /** How often a running job reports its cost so far; never if absent. */
  readonly progressEveryMs?: number;
  readonly onStart?: (job: Job) => void;
  readonly onEnd?: (job: Job) => void;
}

const steps = { queued: 1, refused: 2, started: 3, ended: 4 } as const;

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #events = new IndexedHeap<Event>();
  readonly #trace = new TraceHash();
  #now = 0;
  #admitAtMs = Number.POSITIVE_INFINITY;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  get nowMs(): number {
    return this.#now;
  }

  /** Equal for two runs in which the same happened to the same jobs at the same times. */
  get traceHash(): string {
    return this.#trace.digest();
  }

  at(timeMs: number, action: () => void): void {
    if (timeMs < this.#now) throw new Error('the past is over');
    this.#events.push(new Event(action), timeMs);
  }

  /** The job arrives now; returns false if it is refused. */
  submit(job: Job): boolean {
    const isQueued = this.#options.queue.enqueue(job, this.#now);
    this.#trace.add(isQueued ? steps.queued : steps.refused, this.#now, job.id);
    if (isQueued) this.#admit();
    return isQueued;
  }

  /** The queue may have room that it did not have before. */
  offer(): void {
    this.#admit();
  }

  /** Runs until no event is left, or up to and including a moment, at which the clock then stops. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const event = this.#events.peek();
      const nextMs = Math.min(event?.key ?? Number.POSITIVE_INFINITY, this.#admitAtMs);
      if (nextMs > untilMs || nextMs === Number.POSITIVE_INFINITY) break;
      this.#now = nextMs;
      if (event?.key === nextMs) this.#happen(event);
      else this.#pump();
    }
    if (Number.isFinite(untilMs)) this.#now = untilMs;
  }

  #happen(event: Event): void {
    this.#events.remove(event);
    event.action();
  }

  /** Runs after all other events of its moment, and once for all of them, as in the gateway. */
  #admit(): void {
    const everyMs = this.#options.admitEveryMs;
    const dueMs = everyMs === undefined ? this.#now : Math.ceil(this.#now / everyMs) * everyMs;
    this.#admitAtMs = Math.min(this.#admitAtMs, Math.max(this.#now, dueMs));
  }

  #pump(): void {
    this.#admitAtMs = Number.POSITIVE_INFINITY;
    for (let job = this.#options.queue.next(this.#now); job; job = this.#options.queue.next(this.#now))
      this.#start(job);
  }

  #start(job: Job): void {
    job.startedMs = this.#now;
    this.#trace.add(steps.started, this.#now, job.id);
    this.#options.onStart?.(job);
    this.at(this.#now + job.demand.prefillMs + job.demand.decodeMs, () => this.#end(job));
    if (this.#options.progressEveryMs !== undefined) this.#watch(job, this.#options.progressEveryMs);
  }

  #watch(job: Job, everyMs: number): void {
    const next = this.#now + everyMs;
    if (next >= job.firstTokenMs + job.demand.decodeMs) return;
    this.at(next, () => {
      this.#options.queue.progress(job, job.costAt(next), next);
      this.#watch(job, everyMs);
    });
  }

  #end(job: Job): void {
    job.endedMs = this.#now;
    this.#options.queue.finish(job, job.demand.cost, this.#now);
    this.#trace.add(steps.ended, this.#now, job.id);
    this.#options.onEnd?.(job);
    this.#admit();
  }
}
