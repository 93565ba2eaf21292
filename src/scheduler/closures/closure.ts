/**
 * A provider, or one model of it, that takes no requests until a moment which the upstream has told. What is
 * told may be hours away and wrong by then, so now and then one request is let out to see: the probe.
 *
 *   shut ──probeAt──▶ due ──a request starts──▶ shut, while its answer is awaited
 *    │ ▲                                          │ busy: the next after twice as long (at most 4 minutes)
 *    │ └──────────────────────────────────────────┤ no answer: after as long again; told nothing: at once
 *    └──until──▶ over ◀───────────────────────────┘ taken
 *
 * Times between probes are from one start to the next.
 */
import type { TargetName } from '../flows/flow.ts';
import type { HeapItem } from '../flows/heap.ts';

/** The first probe goes out so long after a closure; one that ends sooner needs none. */
export const firstProbeMs = 30_000;
/** The next one goes out after so long at the latest, even if the one before has no answer yet. */
const longestProbeMs = 240_000;

/** `told nothing`: it was never sent, or found at fault for something else. Another may go at once. */
export type ProbeEnd = 'busy' | 'no answer' | 'told nothing';

export class Closure implements HeapItem {
  readonly provider: string;
  /** Null: all of them. */
  readonly model: string | null;
  until: number;
  /** Nothing may start; else one may, its probe. */
  isShut = true;
  /** The place that has been let out, while its answer is awaited. */
  probe: object | null = null;
  #probedAt = 0;
  #probeAt: number;
  #intervalMs = firstProbeMs;
  // Its item in the heap of those that change by the clock.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(provider: string, model: string | null, until: number, now: number) {
    this.provider = provider;
    this.model = model;
    this.until = until;
    this.#probeAt = now + firstProbeMs;
  }

  /** When it is over, or due if that is sooner. */
  get changesAt(): number {
    return this.isShut ? Math.min(this.until, this.#probeAt) : this.until;
  }

  covers(target: TargetName): boolean {
    return target.provider === this.provider && (this.model === null || target.model === this.model);
  }

  /** The upstream tells anew; of two times the later holds, unless a probe has brought the newer one. */
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
