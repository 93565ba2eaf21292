/**
 * Which providers and models the upstream has closed, and who stands aside for it. A request of a closed
 * target is passed by within its flow (side-queues.ts) and waits on until its deadline; a flow that has
 * nothing else to start is in no heap, so nobody waits for it.
 *
 * Invariants: who waits while there is a closure of its provider or model is in a side queue; a place that
 * starts while there is one, which then is due, is its probe.
 */

import type { Flow, Place } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { Closure, type ProbeEnd } from './closure.ts';
import { ProviderTargets, type Target } from './targets.ts';

/** So many are held. Clients invent the names of models, so there must be a bound. */
const maxClosures = 1000;

/** What an upstream without room takes nothing more of: one model, or anything. */
export type Scope = 'model' | 'provider';

interface ClosuresOptions<Holder> {
  /** All that may have something waiting. */
  readonly flows: () => Iterable<Flow<Holder>>;
  readonly standAside: (flow: Flow<Holder>, place: Place<Holder>, target: Target<Holder>) => void;
  /** Other requests of the flow may start than before. */
  readonly changed: (flow: Flow<Holder>) => void;
}

const none: readonly Closure[] = [];

export class Closures<Holder> {
  /** False: nothing is closed, which is nearly always and must cost nothing. */
  hasAny = false;
  readonly #options: ClosuresOptions<Holder>;
  /** Those that have ever been closed, wholly or in part. */
  readonly #providers = new Map<string, ProviderTargets<Holder>>();
  /** By when the clock changes them. */
  readonly #closures = new IndexedHeap<Closure>();

  constructor(options: ClosuresOptions<Holder>) {
    this.#options = options;
  }

  get size(): number {
    return this.#closures.size;
  }

  /** In no order. */
  all(): Iterable<Closure> {
    return this.#closures.items();
  }

  /** The closure that keeps the place from a seat, for longest; null: none does. */
  keeping(place: Place<Holder>): Closure | null {
    return this.hasAny ? longest(this.#of(place).filter(({ isShut }) => isShut)) : null;
  }

  /** With whom a place that begins to wait stands aside; null: with nobody. */
  targetOf(place: Place<Holder>): Target<Holder> | null {
    return this.hasAny && this.#of(place).length > 0 ? this.#target(place) : null;
  }

  /** Closes the provider of a place, or its model; says until when it is closed now, null: too many are. */
  close(place: Place<Holder>, scope: Scope, until: number, now: number): number | null {
    const { provider } = place.target;
    const model = scope === 'model' ? place.target.model : null;
    const known = this.#of(place).find(closure => closure.model === model);
    if (known !== undefined) {
      this.#change(known, () => known.extend(until, place));
      return known.until;
    }
    if (until <= now) return until;
    if (this.size >= maxClosures) return null;
    this.#begin(new Closure(provider, model, until, now));
    return until;
  }

  /** Ends what is over, and lets out a probe of each that is due. */
  wake(now: number): void {
    for (let next = this.#closures.peek(); next !== undefined && next.key <= now; next = this.#closures.peek()) {
      if (next.until <= now) this.#end(next);
      else
        this.#change(next, closure => {
          closure.isShut = false;
        });
    }
  }

  nextWake(): number {
    return this.#closures.peek()?.key ?? Number.POSITIVE_INFINITY;
  }

  /** The place has a seat. */
  started(place: Place<Holder>, now: number): void {
    if (this.hasAny) for (const one of this.#of(place)) this.#change(one, closure => closure.probeStarts(place, now));
  }

  /** The upstream takes the request: what it was a probe of is over. False: it was none. */
  taken(place: Place<Holder>): boolean {
    if (!this.hasAny) return false;
    const over = this.#probedBy(place);
    for (const closure of over) this.#end(closure);
    return over.length > 0;
  }

  /** The place is no probe any more. False: it was none. */
  probeEnded(place: Place<Holder>, how: ProbeEnd, now: number): boolean {
    if (!this.hasAny) return false;
    const probed = this.#probedBy(place);
    for (const one of probed) this.#change(one, closure => closure.probeEnds(how, now));
    return probed.length > 0;
  }

  #probedBy(place: Place<Holder>): readonly Closure[] {
    return this.#of(place).filter(({ probe }) => probe === place);
  }

  /** Those that hold for the place, shut or due. */
  #of({ target }: Place<Holder>): readonly Closure[] {
    const known = this.#providers.get(target.provider);
    if (known === undefined) return none;
    const ofModel = known.closureOf(target.model);
    if (known.closure === null) return ofModel === null ? none : [ofModel];
    return ofModel === null ? [known.closure] : [known.closure, ofModel];
  }

  #target({ target }: Place<Holder>): Target<Holder> {
    return this.#provider(target.provider).target(target.model);
  }

  #provider(name: string): ProviderTargets<Holder> {
    const known = this.#providers.get(name);
    if (known !== undefined) return known;
    const provider = new ProviderTargets<Holder>();
    this.#providers.set(name, provider);
    return provider;
  }

  #begin(closure: Closure): void {
    this.#hold(closure, closure);
    this.#closures.push(closure, closure.changesAt);
    this.hasAny = true;
    for (const flow of this.#options.flows()) this.#passBy(flow, closure);
    this.#review(closure);
  }

  #end(closure: Closure): void {
    this.#closures.remove(closure);
    this.hasAny = this.size > 0;
    closure.isShut = false;
    this.#review(closure);
    this.#hold(closure, null);
  }

  #hold({ provider, model }: Closure, closure: Closure | null): void {
    const targets = this.#provider(provider);
    if (model === null) targets.closure = closure;
    else {
      const target = targets.target(model);
      target.closure = closure;
      target.forgetIfUnused();
    }
  }

  #change(closure: Closure, change: (closure: Closure) => void): void {
    const { isShut } = closure;
    change(closure);
    this.#closures.update(closure, closure.changesAt);
    if (closure.isShut !== isShut) this.#review(closure);
  }

  /** Who came before the closure stands aside too. */
  #passBy(flow: Flow<Holder>, closure: Closure): void {
    for (let place = flow.head; place !== null; place = place.next) {
      if (place.side !== null || !closure.covers(place.target)) continue;
      this.#options.standAside(flow, place, this.#target(place));
    }
    if (flow.sides !== null) this.#options.changed(flow);
  }

  /** What stands aside for it may start, or may not any more. */
  #review({ provider, model }: Closure): void {
    for (const target of this.#provider(provider).of(model)) {
      for (const queue of target.queues) {
        const flow = queue.head?.place.flow ?? null;
        if (flow === null) continue;
        flow.sides?.review(queue);
        this.#options.changed(flow);
      }
    }
  }
}

function longest(closures: readonly Closure[]): Closure | null {
  return closures.reduce<Closure | null>((best, one) => (best === null || one.until > best.until ? one : best), null);
}
