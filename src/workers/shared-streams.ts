import { Tally } from '../domain/structures/tally.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Counts the requests of each key over all workers, up to a limit. What a worker had ends with it. */
export class SharedStreams {
  readonly #most: number;
  readonly #all = new Tally<number>();
  readonly #byWorker = new Map<WorkerProcess, Tally<number>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Null: it may begin. Otherwise so many are under way, and no more may be. */
  enter(worker: WorkerProcess, key: number): number | null {
    const underWay = this.#all.of(key);
    if (underWay >= this.#most) return underWay;
    this.#add(worker, key, 1);
    return null;
  }

  leave(worker: WorkerProcess, key: number): void {
    this.#add(worker, key, -1);
  }

  ended(worker: WorkerProcess): void {
    for (const [key, count] of this.#byWorker.get(worker)?.entries() ?? []) this.#all.add(key, -count);
    this.#byWorker.delete(worker);
  }

  #add(worker: WorkerProcess, key: number, amount: number): void {
    const own = this.#byWorker.get(worker) ?? new Tally<number>();
    this.#byWorker.set(worker, own);
    own.add(key, amount);
    this.#all.add(key, amount);
  }
}
