/**
 * The limits of an upstream are often its keys' own: for a model at an endpoint, the keys that it has no room for, and until
 * when. Such a key is passed by while others are left.
 */

/** Clients choose the names of models, so a bound is needed; beyond it the earliest is forgotten. */
const mostTargets = 1000;
/** The time named may be hours away and too late: then the key is used again after so long. */
const longestMs = 5 * 60_000;

interface Busy {
  readonly until: number;
  readonly since: number;
}

export class BusyKeys {
  readonly #keys: number;
  /** By target, then by the index of the key. */
  readonly #busy = new Map<string, (Busy | undefined)[]>();

  constructor(keys: number) {
    this.#keys = keys;
  }

  /** Returns when the target has room again, with this key or another. */
  note(target: string, key: number, until: number, now: number): number {
    const known = this.#busy.get(target) ?? [];
    known[key] = { until, since: now };
    this.#busy.delete(target);
    const [earliest] = this.#busy.keys();
    if (earliest !== undefined && this.#busy.size >= mostTargets) this.#busy.delete(earliest);
    this.#busy.set(target, known);
    const ends = Array.from({ length: this.#keys }, (_, index) => this.busyUntil(target, index, now));
    return Math.max(Math.min(...ends), now);
  }

  /** A time that is over: it is not busy. */
  busyUntil(target: string, key: number, now: number): number {
    const { until, since } = this.#busy.get(target)?.[key] ?? over;
    return now - since < longestMs ? until : over.until;
  }
}

const over: Busy = { until: Number.NEGATIVE_INFINITY, since: 0 };
