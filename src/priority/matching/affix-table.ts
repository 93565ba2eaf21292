/** Finds the texts that a key begins or ends with, in one pass over the key; used by the matcher. */
import { maxPatternLength } from './pattern.ts';

// FNV-1a over UTF-16 units: cheap per character, and good enough because hits are compared as text.
const hashSeed = 0x811c9dc5 | 0;
const hashStep = (hash: number, unit: number) => Math.imul(hash ^ unit, 0x01000193);

/** Returns the hash that the tables use; `fromEnd` walks the text backwards. */
export function hashOfAffix(text: string, fromEnd: boolean): number {
  let hash = hashSeed;
  for (let i = 0; i < text.length; i++) hash = hashStep(hash, text.charCodeAt(fromEnd ? text.length - 1 - i : i));
  return hash;
}

/**
 * Beginnings (or ends) of keys by hash, open addressing with linear probing, at most half full:
 *
 *   #slots   [hash, entry + 1] [hash, entry + 1] …     0 in the second place: free
 *   #lengths[n] = 1 where some text has n units
 */
export class AffixTable {
  readonly #fromEnd: boolean;
  readonly #texts: string[] = [];
  readonly #ranks: number[] = [];
  readonly #lengths = new Uint8Array(2 * maxPatternLength + 1);
  #longest = 0;
  #slots = new Int32Array(2 * 16);
  #shift = 32 - 4;

  constructor(fromEnd: boolean) {
    this.#fromEnd = fromEnd;
  }

  /** Ranks ascend from call to call, so the first of equal texts stays. */
  add(text: string, rank: number): void {
    const hash = hashOfAffix(text, this.#fromEnd);
    if (this.#rankOf(hash, text, 0, text.length) !== undefined) return;
    if (this.#texts.length * 4 >= this.#slots.length) this.#grow();
    this.#ranks.push(rank);
    this.#place(hash, this.#texts.push(text));
    this.#lengths[text.length] = 1;
    this.#longest = Math.max(this.#longest, text.length);
  }

  /** Returns the best rank among `best` and the texts that this key begins (or ends) with. */
  improve(key: string, best: number): number {
    if ((this.#ranks[0] ?? best) >= best) return best;
    const end = Math.min(key.length, this.#longest);
    const lengths = this.#lengths;
    const step = this.#fromEnd ? -1 : 1;
    let at = this.#fromEnd ? key.length - 1 : 0;
    let hash = hashSeed;
    for (let length = 1; length <= end; length++, at += step) {
      hash = hashStep(hash, key.charCodeAt(at));
      if (lengths[length] !== 1) continue;
      const rank = this.#rankOf(hash, key, this.#fromEnd ? at : 0, length);
      if (rank !== undefined && rank < best) best = rank;
    }
    return best;
  }

  /** Returns the rank of the text in `key` at `start` with this length and hash. */
  #rankOf(hash: number, key: string, start: number, length: number): number | undefined {
    const slots = this.#slots;
    for (let slot = this.#slotOf(hash); ; slot = (slot + 2) & (slots.length - 1)) {
      const entry = slots[slot + 1] ?? 0;
      if (entry === 0) return undefined;
      if (slots[slot] !== hash) continue;
      const text = this.#texts[entry - 1] ?? '';
      if (text.length === length && key.startsWith(text, start)) return this.#ranks[entry - 1];
    }
  }

  #slotOf(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> this.#shift) * 2;
  }

  #place(hash: number, entry: number): void {
    const slots = this.#slots;
    let slot = this.#slotOf(hash);
    while (slots[slot + 1] !== 0) slot = (slot + 2) & (slots.length - 1);
    slots[slot] = hash;
    slots[slot + 1] = entry;
  }

  #grow(): void {
    const full = this.#slots;
    this.#slots = new Int32Array(full.length * 2);
    this.#shift--;
    for (let slot = 0; slot < full.length; slot += 2)
      if (full[slot + 1]) this.#place(full[slot] ?? 0, full[slot + 1] ?? 0);
  }
}
