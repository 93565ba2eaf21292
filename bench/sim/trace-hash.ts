import { createHash } from 'node:crypto';

const stepsPerBatch = 1024;

/** A fingerprint of the events, their times and jobs: equal for two runs exactly if the runs are equal. */
export class TraceHash {
  readonly #hash = createHash('sha256');
  readonly #batch = new Float64Array(3 * stepsPerBatch);
  #used = 0;

  add(what: number, timeMs: number, whom: number): void {
    this.#batch[this.#used++] = what;
    this.#batch[this.#used++] = timeMs;
    this.#batch[this.#used++] = whom;
    if (this.#used === this.#batch.length) this.#flush();
  }

  /** Sixteen hexadecimal digits of everything added so far. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  #flush(): void {
    this.#hash.update(new Uint8Array(this.#batch.buffer, 0, this.#used * this.#batch.BYTES_PER_ELEMENT));
    this.#used = 0;
  }
}
