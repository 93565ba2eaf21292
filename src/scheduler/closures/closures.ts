/**
 * The providers and models that the upstream has closed, and the requests that stand aside for them, or for endpoints
 * (endpoints.ts). A request of a closed target is passed by within its flow (side-queues.ts) and waits until its deadline;
 * a flow that has nothing else to start is in no heap, so no other request waits for it.
 *
 * Invariants: a request that waits while its provider or model is closed is in a side queue; a place that starts during
 * a closure starts only when the closure is due, and is its probe.
 */

import type { Selection } from '../endpoints/selection.ts';
import type { Flow, Place } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { Closure, type ProbeEnd } from './closure.ts';
import { ProviderTargets, type Target } from './targets.ts';

/** The most closures that are held. Clients choose the names of models, so a bound is needed. */
const maxClosures = 1000;

/** The scope of a closure: one model of a provider, or all of them. */
export type Scope = 'model' | 'provider';

/** What requests wait for that may not go just anywhere in their pool (endpoints.ts). */
interface Selections<Holder> {
  /** Null: a free seat of the pool is enough for it. */
  selectionOf(place: Place<Holder>): Selection<Target<Holder>> | null;
  /** The endpoints that it may go to, whether or not it has to wait for them. */
  reach(place: Place<Holder>): Selection<Target<Holder>>;
}

interface ClosuresOptions<Holder> {
  readonly endpoints: Selections<Holder>;
  /** Returns all flows that may have something waiting. */
  readonly flows: () => Iterable<Flow<Holder>>;
  readonly standAside: (flow: Flow<Holder>, place: Place<Holder>, target: Target<Holder>) => void;
  /** Called when the set of requests that the flow may start has changed. */
  readonly changed: (flow: Flow<Holder>) => void;
}

const none: readonly Closure[] = [];

export class Closures<Holder> {
  /** False: nothing is closed. This is the usual case and must cost nothing. */
  hasAny = false;
  readonly #options: ClosuresOptions<Holder>;
  /** Providers that have been closed, wholly or in part. */
  readonly #providers = new Map<string, ProviderTargets<Holder>>();
  /** Closures by the time at which the clock changes them. */
  readonly #closures = new IndexedHeap<Closure>();

  constructor(options: ClosuresOptions<Holder>) {
    this.#options = options;
  }

  get size(): number {
    return this.#closures.size;
  }

  /** Returns all closures, in no particular order. */
  all(): Iterable<Closure> {
    return this.#closures.items();
  }

  /** Returns the closure that blocks the place for longest; null if none does. */
  keeping(place: Place<Holder>): Closure | null {
    return this.hasAny ? longest(this.#of(place).filter(({ isShut }) => isShut)) : null;
  }

  /** Whether the upstream has closed what the place is for; also while a probe may try that. */
  covers(place: Place<Holder>): boolean {
    return this.hasAny && this.#of(place).length > 0;
  }

  /** Returns the target whose side queue a newly waiting place must join; null if it need not stand aside. */
  targetOf(place: Place<Holder>): Target<Holder> | null {
    const selection = this.#options.endpoints.selectionOf(place);
    if (selection !== null) return this.#target(place, selection);
    return this.covers(place) ? this.#target(place, this.#options.endpoints.reach(place)) : null;
  }

  /** Requests that waited for any seat of the pool wait for their endpoints from now on. */
  passBy(): void {
    for (const flow of this.#options.flows()) this.#passBy(flow);
  }

  /** Updates the requests that stand aside for these targets: they may start, or may no longer. */
  review(targets: Iterable<Target<Holder>>): void {
    for (const target of targets) {
      for (const queue of target.queues) {
        const flow = queue.head?.place.flow ?? null;
        if (flow === null) continue;
        flow.sides?.review(queue);
        this.#options.changed(flow);
      }
    }
  }

  /**
   * Closes the provider of a place, or its model. Returns the time until which it is closed now; null if too many are
   * closed.
   */
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

  /** Ends closures that are over, and lets out a probe for each that is due. */
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

  /** Called when the place has got a seat. */
  started(place: Place<Holder>, now: number): void {
    if (this.hasAny) for (const one of this.#of(place)) this.#change(one, closure => closure.probeStarts(place, now));
  }

  /**
   * Called when the upstream takes the request: ends the closures that it was a probe of. Returns false if it was none.
   */
  taken(place: Place<Holder>): boolean {
    if (!this.hasAny) return false;
    const over = this.#probedBy(place);
    for (const closure of over) this.#end(closure);
    return over.length > 0;
  }

  /** Ends the place's role as a probe. Returns false if it was none. */
  probeEnded(place: Place<Holder>, how: ProbeEnd, now: number): boolean {
    if (!this.hasAny) return false;
    const probed = this.#probedBy(place);
    for (const one of probed) this.#change(one, closure => closure.probeEnds(how, now));
    return probed.length > 0;
  }

  #probedBy(place: Place<Holder>): readonly Closure[] {
    return this.#of(place).filter(({ probe }) => probe === place);
  }

  /** The closures that cover the place, shut or due. */
  #of({ target }: Place<Holder>): readonly Closure[] {
    const known = this.#providers.get(target.provider);
    if (known === undefined) return none;
    const ofModel = known.closureOf(target.model);
    if (known.closure === null) return ofModel === null ? none : [ofModel];
    return ofModel === null ? [known.closure] : [known.closure, ofModel];
  }

  #target({ target }: Place<Holder>, selection: Selection<Target<Holder>>): Target<Holder> {
    return this.#provider(target.provider).model(target.model).target(selection);
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
    this.passBy();
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
      const known = targets.model(model);
      known.closure = closure;
      known.forgetIfUnused();
    }
  }

  #change(closure: Closure, change: (closure: Closure) => void): void {
    const { isShut } = closure;
    change(closure);
    this.#closures.update(closure, closure.changesAt);
    if (closure.isShut !== isShut) this.#review(closure);
  }

  /** Requests that came before the closure stand aside too. */
  #passBy(flow: Flow<Holder>): void {
    for (let place = flow.head; place !== null; place = place.next) {
      const target = place.side === null ? this.targetOf(place) : null;
      if (target !== null) this.#options.standAside(flow, place, target);
    }
    if (flow.sides !== null) this.#options.changed(flow);
  }

  /** Updates the requests that stand aside for the closure. */
  #review({ provider, model }: Closure): void {
    this.review([...this.#provider(provider).of(model)]);
  }
}

function longest(closures: readonly Closure[]): Closure | null {
  return closures.reduce<Closure | null>((best, one) => (best === null || one.until > best.until ? one : best), null);
}
