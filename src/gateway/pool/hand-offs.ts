/** After this many in a row the next one waits for a turn of the event loop, so that I/O is served too. */
const mostPerTurn = 256;

/** Work that ends at once hands its seat on within one tick, and so on; without a bound nothing else would ever run. */
export class HandOffs {
  /** No more hand-offs until the event loop has turned. */
  isResting = false;
  readonly #resume: () => void;
  #inARow = 0;

  constructor(resume: () => void) {
    this.#resume = resume;
  }

  count(): void {
    if (++this.#inARow < mostPerTurn || this.isResting) return;
    this.isResting = true;
    setImmediate(() => {
      this.isResting = false;
      this.#inARow = 0;
      this.#resume();
    });
  }
}
