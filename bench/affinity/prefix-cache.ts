/** The prefix cache of an engine: blocks of a prompt, found only together with all before them; the oldest give way. */
export class PrefixCache {
  readonly #blocks = new Set<number>();
  readonly #capacity: number;

  /** In blocks. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns how many of these blocks are there, from the first one on. */
  hits(blocks: readonly number[]): number {
    const missing = blocks.findIndex(block => !this.#blocks.has(block));
    return missing === -1 ? blocks.length : missing;
  }

  /** Uses them all. The last is noted first, so that the end of a prompt gives way before its beginning, as in vLLM. */
  use(blocks: readonly number[]): void {
    for (const block of blocks.toReversed()) {
      this.#blocks.delete(block);
      this.#blocks.add(block);
    }
    for (const block of this.#blocks) {
      if (this.#blocks.size <= this.#capacity) return;
      this.#blocks.delete(block);
    }
  }
}
