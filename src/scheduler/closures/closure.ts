/**
 * A provider, or one model of it, or that model at one endpoint, that takes no requests until a moment named by the
 * upstream. That moment may be hours away and too late, so from time to time one request is let out as a probe.
 *
 *   shut ──probeAt──▶ due ──a request starts──▶ shut, while its answer is awaited
 *    │ ▲                                          │ busy: the next after twice as long (at most 4 minutes)
 *    │ └──────────────────────────────────────────┤ no answer: after as long again; told nothing: at once
 *    └──until──▶ over ◀───────────────────────────┘ taken
 *
 * Times between probes are from one start to the next.
 */
import type { HeapItem } from '../flows/heap.ts';

/** The first probe goes out this long after a closure; a shorter closure needs none. */
export const firstProbeMs = 30_000;
/** The next probe goes out after this time at the latest, even if the previous one has no answer yet. */
const longestProbeMs = 240_000;

/** `told nothing`: the probe was never sent, or failed for another reason. Another may start at once. */
export type ProbeEnd = 'busy' | 'no answer' | 'told nothing';

/** Of one endpoint only one model is ever closed. */
export interface ClosedPart {
  readonly provider: string;
  /** Null: all models. */
  readonly model: string | null;
  /** Null: all endpoints. */
  readonly endpoint: string | null;
}

export class Closure implements ClosedPart, HeapItem {
  readonly provider: string;
  readonly model: string | null;
  readonly endpoint: string | null;
  until: number;
  /** Nothing may start; otherwise one request may, as the probe. */
  isShut = true;
  /** The place that was let out as the probe, until it is answered. */
  probe: object | null = null;
  #probedAt = 0;
  #probeAt: number;
  #intervalMs = firstProbeMs;
  // Its position in the heap of closures that change by the clock.
  slot = -1;
  key = 0;
  turn = 0;

  constructor({ provider, model, endpoint }: ClosedPart, until: number, now: number) {
    this.provider = provider;
    this.model = model;
    this.endpoint = endpoint;
    this.until = until;
    this.#probeAt = now + firstProbeMs;
  }

  /** The time at which it is over, or due if that is earlier. */
  get changesAt(): number {
    return this.isShut ? Math.min(this.until, this.#probeAt) : this.until;
  }

  /** The upstream names a new end. The later end holds, unless a probe brought the newer one. */
  extend(until: number, place: object): void {
    this.until = this.probe === place ? until : Math.max(this.until, until);
  }

  probeStarts(place: object, now: number): void {
    this.probe = place;
    this.isShut = true;
    this.#probedAt = now;
    this.#probeAt = now + longestProbeMs;
  }

  probeEnds(how: ProbeEnd, now: number): void {
    this.probe = null;
    if (how === 'busy') this.#intervalMs = Math.min(this.#intervalMs * 2, longestProbeMs);
    this.#probeAt = how === 'told nothing' ? now : this.#probedAt + this.#intervalMs;
  }
}
