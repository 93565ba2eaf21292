/**
 * Which endpoint has served the prompts with each beginning last. Of a fixed size, made of sets of a few slots: a hash has
 * its place in one set, and the one that was used least recently there gives way to it. Never allocates once it is made.
 */
import type { Endpoint } from './endpoint.ts';

const slotsPerSet = 8;
const sets = 8192;
const slots = sets * slotsPerSet;
const free = -1;

export class ServedPrefixes {
  readonly #hashes = new Float64Array(slots).fill(free);
  readonly #usedAt = new Float64Array(slots);
  readonly #endpoints: (Endpoint | null)[] = Array.from({ length: slots }, () => null);
  #uses = 0;

  /** Returns the endpoint, up or not; null: none is known. */
  find(hash: number): Endpoint | null {
    const slot = this.#slotOf(hash);
    return this.#hashes[slot] === hash ? (this.#endpoints[slot] ?? null) : null;
  }

  served(hash: number, endpoint: Endpoint): void {
    const slot = this.#slotOf(hash);
    this.#hashes[slot] = hash;
    this.#usedAt[slot] = ++this.#uses;
    this.#endpoints[slot] = endpoint;
  }

  /** The slot that has the hash, or else the one that it may take. */
  #slotOf(hash: number): number {
    const from = (hash % sets) * slotsPerSet;
    let oldest = from;
    for (let slot = from; slot < from + slotsPerSet; slot++) {
      if (this.#hashes[slot] === hash) return slot;
      if ((this.#usedAt[slot] ?? 0) < (this.#usedAt[oldest] ?? 0)) oldest = slot;
    }
    return oldest;
  }
}
