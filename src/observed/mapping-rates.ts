/**
 * Counts the requests that each mapping classified in the last five minutes, in a ring of slots of half a minute. The
 * current slot counts too, so the span may be half a minute longer.
 */
import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';

const slotMs = 30_000;
const fullSlots = 10;
const slots = fullSlots + 1;
/** Rates of less than a minute would be guesses. */
const leastMs = 60_000;
/** Mappings counted at a time; ids of rows that come and go give their places back. */
const defaultPlaces = 2 ** 17;
const placesPerStep = 8_192;

/** A mapping, and its requests in the time that is counted. */
interface MappingCount {
  readonly mappingId: number;
  readonly requests: number;
}

export class MappingRates {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #size: number;
  /** The place of each mapping that is counted. */
  readonly #places = new Map<number, number>();
  #free: number[] = [];
  /** Slot by slot, in each a count for every place. */
  readonly #counts: Uint32Array;
  /** Slots since the start; the one being filled is this one mod `slots`. */
  #slot = 0;
  #slotEnd: number;

  constructor(clock: Clock, size = defaultPlaces) {
    this.#clock = clock;
    this.#size = size;
    this.#startedAt = clock.now();
    this.#slotEnd = this.#startedAt + slotMs;
    this.#counts = new Uint32Array(slots * size);
  }

  /** On the request path. */
  add({ mappingId }: Pick<Outcome, 'mappingId'>): void {
    if (mappingId === null) return;
    this.#catchUp();
    const place = this.#places.get(mappingId) ?? this.#begin(mappingId);
    if (place === undefined) return;
    const at = (this.#slot % slots) * this.#size + place;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  /** Requests a minute, to two decimals. */
  perMinute(mappingId: number): number {
    this.#catchUp();
    const place = this.#places.get(mappingId);
    if (place === undefined) return 0;
    return Math.round((this.#requestsAt(place) * 6_000_000) / this.#countedMs()) / 100;
  }

  /** All mappings that had a request, in steps. */
  *counted(): Generator<void, MappingCount[]> {
    this.#catchUp();
    const counted: MappingCount[] = [];
    let step = 0;
    for (const [mappingId, place] of this.#places) {
      const requests = this.#requestsAt(place);
      if (requests > 0) counted.push({ mappingId, requests });
      if (++step % placesPerStep === 0) yield;
    }
    return counted;
  }

  #requestsAt(place: number): number {
    let sum = 0;
    for (let at = place; at < this.#counts.length; at += this.#size) sum += this.#counts[at] ?? 0;
    return sum;
  }

  #countedMs(): number {
    const now = this.#clock.now();
    const from = Math.max(this.#startedAt, this.#slotEnd - slots * slotMs);
    return Math.max(leastMs, now - from);
  }

  #begin(mappingId: number): number | undefined {
    const place = this.#free.pop() ?? (this.#places.size < this.#size ? this.#places.size : undefined);
    if (place !== undefined) this.#places.set(mappingId, place);
    return place;
  }

  /** Begins the slots whose time has come. */
  #catchUp(): void {
    const now = this.#clock.now();
    if (now < this.#slotEnd) return;
    const passed = Math.floor((now - this.#slotEnd) / slotMs) + 1;
    for (let next = 1; next <= Math.min(passed, slots); next++) {
      const from = ((this.#slot + next) % slots) * this.#size;
      this.#counts.fill(0, from, from + this.#size);
    }
    this.#slot += passed;
    this.#slotEnd += passed * slotMs;
    if (this.#places.size >= this.#size) this.#forgetIdle();
  }

  #forgetIdle(): void {
    for (const [mappingId, place] of this.#places) {
      if (this.#requestsAt(place) > 0) continue;
      this.#places.delete(mappingId);
      this.#free.push(place);
    }
  }
}
