import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { singleFlight } from '../domain/single-flight.ts';

/*
 * The life of rows that are held in memory, from the first load to the stop. What they are is the owner's affair.
 *
 *   load      reads the rows and puts them into effect; one runs and one waits, so that whoever asks for a load
 *             gets one that begins after the question
 *   told of   `changed` by whoever heard of a change; `reload` by a write of our own, which awaits it
 *   failed    what was read before stays in effect; the load is tried again after a second, by a timer or, where
 *             rows matter only while somebody asks for them, by the next use
 *   overdue   the time to live is over: the next `use` begins a load, and is served by what is there
 *   stop      no load and no timer begins any more; a load that runs may still put its rows into effect
 */
export interface FreshRowsParts<Loaded> {
  /** Reads the rows and puts them into effect. */
  readonly load: () => Promise<Loaded>;
  /** Told of each load that failed; `isFirst`: the one before it did not. Never called after a stop. */
  readonly onFailure: (error: unknown, isFirst: boolean) => void;
  /** Who begins the next load after one that failed. */
  readonly retriedBy: 'timer' | 'use';
  /** Asked after each load: how long its rows may be used without another. Absent: for ever. */
  readonly ttlMs?: () => number;
  readonly clock: Clock;
}

const retryMs = 1_000;

export class FreshRows<Loaded> {
  readonly #parts: FreshRowsParts<Loaded>;
  readonly #first = Promise.withResolvers<void>();
  #isLoaded = false;
  #isLoading = false;
  #isFailing = false;
  #isOverdue = false;
  #isStopped = false;
  #tryAgainAt = Number.NEGATIVE_INFINITY;
  #cancelRetry = () => {};
  #cancelTtl = () => {};
  #running: Promise<unknown> = Promise.resolve();
  /** Resolves when rows are in effect that were read after this call; rejects with what their load failed of. */
  readonly reload: () => Promise<Loaded>;

  constructor(parts: FreshRowsParts<Loaded>) {
    this.#parts = parts;
    this.reload = singleFlight(() => {
      const loading = this.#load();
      this.#running = loading;
      return loading;
    });
    // A stop before the first load rejects it, also where nobody awaits start().
    this.#first.promise.catch(() => {});
  }

  /** A load has put its rows into effect. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** The last load failed: what is in effect may be older than the tables. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** The time to live is over, or the last load failed and the next use is to try again. */
  get isOverdue(): boolean {
    return this.#isOverdue;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Resolves when rows are in effect for the first time; rejects with `unavailable` when stopped before. */
  start(): Promise<void> {
    this.changed();
    return this.#first.promise;
  }

  /** The rows may have changed: loads them in the background. */
  changed(): void {
    // A failure has been told and is tried again.
    this.reload().catch(() => {});
  }

  /** The rows are used. On the request path: does nothing unless they are overdue, and never waits. */
  use(): void {
    if (this.#isOverdue) this.#renew();
  }

  /** Resolves when no load runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#cancelTtl();
    this.#first.reject(stopped());
    await this.#running.catch(() => {});
  }

  #renew(): void {
    if (this.#isLoading || this.#isStopped || this.#parts.clock.now() < this.#tryAgainAt) return;
    this.changed();
  }

  async #load(): Promise<Loaded> {
    if (this.#isStopped) throw stopped();
    this.#cancelRetry();
    this.#isLoading = true;
    try {
      const loaded = await this.#parts.load();
      this.#succeeded();
      return loaded;
    } catch (error) {
      if (!this.#isStopped) this.#failed(error);
      throw error;
    } finally {
      this.#isLoading = false;
    }
  }

  #succeeded(): void {
    this.#isLoaded = true;
    this.#isFailing = false;
    this.#isOverdue = false;
    this.#cancelTtl();
    const { clock, ttlMs } = this.#parts;
    if (ttlMs && !this.#isStopped)
      this.#cancelTtl = clock.after(ttlMs(), () => {
        this.#isOverdue = true;
      });
    this.#first.resolve();
  }

  #failed(error: unknown): void {
    const { clock, onFailure, retriedBy } = this.#parts;
    const isFirst = !this.#isFailing;
    this.#isFailing = true;
    this.#tryAgainAt = clock.now() + retryMs;
    if (retriedBy === 'use') this.#isOverdue = true;
    else this.#cancelRetry = clock.after(retryMs, () => this.changed());
    onFailure(error, isFirst);
  }
}

const stopped = () => errors.unavailable('The gateway is stopping.', 1);
