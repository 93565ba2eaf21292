const firstMs = 500;
const longestMs = 10_000;
/** A worker that has lived for so long starts again at once. */
const steadyMs = 60_000;

/** How long a worker that has ended waits for its next start: nothing at first, then longer with each early end. */
export class RestartDelay {
  #nextMs = 0;

  after(livedMs: number): number {
    if (livedMs >= steadyMs) this.#nextMs = 0;
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(Math.max(firstMs, 2 * delayMs), longestMs);
    return delayMs;
  }
}
