/** Lends a fixed number of things. Whoever asks while all are lent waits: first come, first served. */
export class FirstCome<Thing> {
  readonly #free: Thing[];
  readonly #waiting = new Set<(thing: Thing) => void>();

  constructor(things: readonly Thing[]) {
    this.#free = [...things];
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Rejects when `signal` is aborted; a thing that it has resolved to must be given back. */
  take(signal: AbortSignal): Promise<Thing> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const free = this.#free.pop();
      if (free !== undefined) return resolve(free);
      const granted = (thing: Thing) => {
        signal.removeEventListener('abort', left);
        resolve(thing);
      };
      const left = () => {
        this.#waiting.delete(granted);
        reject(signal.reason);
      };
      this.#waiting.add(granted);
      signal.addEventListener('abort', left, { once: true });
    });
  }

  giveBack(thing: Thing): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free.push(thing);
      return;
    }
    this.#waiting.delete(next);
    next(thing);
  }
}
