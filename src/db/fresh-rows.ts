import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { singleFlight } from '../domain/structures/single-flight.ts';

/* The life of rows that are held in memory, from the first load to the stop. The owner decides what they are.

     load      reads the rows and puts them into effect; at most one runs and one waits, so that a request for a
               load gets one that begins after the request
     told of   `changed` after a notification of a change; `reload` by a write of our own, which awaits it
     failed    the earlier rows stay in effect; the load is tried again after a second, by a timer or, if the
               rows matter only while they are used, by the next use
     overdue   the time to live is over: the next `use` begins a load */
export interface FreshRowsParts<Loaded> {
  /** Reads the rows and puts them into effect. */
  readonly load: () => Promise<Loaded>;
  /** Called for each failed load; `isFirst`: the previous load succeeded. Never called after a stop. */
  readonly onFailure: (error: unknown, isFirst: boolean) => void;
  /** The event that begins the next load after a failure. */
  readonly retriedBy: 'timer' | 'use';
  /** Called after each load: how long its rows may be used without another. Absent: for ever. */
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
  /** Resolves when rows are in effect that were read after this call; rejects with the error of their load. */
  readonly reload: () => Promise<Loaded>;

  constructor(parts: FreshRowsParts<Loaded>) {
    this.#parts = parts;
    this.reload = singleFlight(() => {
      const loading = this.#load();
      this.#running = loading;
      return loading;
    });
    // A stop before the first load rejects it, even if start() is not awaited.
    this.#first.promise.catch(() => {});
  }

  /** A load has put its rows into effect. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** The last load failed, so the rows in effect may be older than the tables. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** The time to live is over, or the last load failed and the next use must retry. */
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
    // The failure has been reported and the load is retried.
    this.reload().catch(() => {});
  }

  /** Called when the rows are used, on the request path: does nothing unless they are overdue, and never waits. */
  use(): void {
    if (this.#isOverdue) this.#renew();
  }

  /** Resolves when no load is running. */
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
