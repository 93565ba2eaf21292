/**
 * The providers and models that the upstream has closed, or models at single endpoints, and the requests that stand aside for them, or for endpoints
 * (endpoints.ts). A request of a closed target is passed by within its flow (side-queues.ts) and waits until its deadline;
 * a flow that has nothing else to start is in no heap, so no other request waits for it.
 *
 * Invariants: a request that waits while its provider or model is closed is in a side queue; a place that starts during
 * a closure starts only when the closure is due, and is its probe.
 */

import type { Selection } from '../endpoints/selection.ts';
import type { Flow, Place, TargetName } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { type ClosedPart, Closure, type ProbeEnd } from './closure.ts';
import { type ModelTargets, ProviderTargets, type Target } from './targets.ts';

/** The most closures that are held. Clients choose the names of models, so a bound is needed. */
const maxClosures = 1000;

/** The scope of a closure: one model of a provider, or all of them; or one model at one endpoint. */
export type Scope = 'model' | 'provider' | 'endpoint';

type Comer = Pick<Place<unknown>, 'avoid'> & { readonly target: Pick<TargetName, 'provider'> };

/** What requests wait for that may not go just anywhere in their pool (endpoints.ts). */
interface Selections<Holder> {
  /** Null: a free seat of the pool is enough for it. */
  selectionOf(place: Comer): Selection<Target<Holder>> | null;
  /** The endpoints that it may go to, whether or not it has to wait for them. */
  reach(comer: Comer, shut: readonly string[]): Selection<Target<Holder>>;
  /** The IDs of those of them that are up. */
  upFor(place: Comer): readonly string[];
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
const nowhere: readonly string[] = [];

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

  /** Returns the closure that blocks the place for longest; of endpoints, the first to open again. Null: none does. */
  keeping(place: Place<Holder>): Closure | null {
    if (!this.hasAny) return null;
    const shut = this.#of(place).filter(({ isShut }) => isShut);
    const atAll = this.#atAllEndpoints(place);
    return longest(atAll.every(({ isShut }) => isShut) ? [...shut, ...firstOf(atAll)] : shut);
  }

  /** Whether the upstream has closed what the place is for; also while a probe may try that. */
  covers(place: Place<Holder>): boolean {
    return this.hasAny && (this.#of(place).length > 0 || this.#atAllEndpoints(place).length > 0);
  }

  /** The endpoints that may start nothing of the place's model. */
  shutTo({ target }: Place<Holder>): readonly string[] {
    return this.hasAny ? (this.#find(target)?.shut ?? nowhere) : nowhere;
  }

  /** Returns the target whose side queue a newly waiting place must join; null if it need not stand aside. */
  targetOf(place: Place<Holder>): Target<Holder> | null {
    const { endpoints } = this.#options;
    const concerns = this.hasAny && this.#concerning(place).length > 0;
    const selection = concerns ? endpoints.reach(place, this.shutTo(place)) : endpoints.selectionOf(place);
    return selection === null ? null : this.#target(place, selection);
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
   * Closes the provider of a place, or its model, or that at its endpoint. Returns the time until which it is closed now;
   * null if too many are closed.
   */
  close(place: Place<Holder>, scope: Scope, until: number, now: number): number | null {
    const part = partOf(place, scope);
    const known = this.#concerning(place).find(one => one.model === part.model && one.endpoint === part.endpoint);
    if (known !== undefined) {
      this.#change(known, () => known.extend(until, place));
      return known.until;
    }
    if (until <= now) return until;
    if (this.size >= maxClosures) return null;
    this.#begin(new Closure(part, until, now));
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

  /** Called when the place has got a seat, and its endpoint. */
  started(place: Place<Holder>, now: number): void {
    if (!this.hasAny) return;
    for (const one of this.#concerning(place))
      if (one.endpoint === null || one.endpoint === place.endpoint?.id)
        this.#change(one, closure => closure.probeStarts(place, now));
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
    return this.#concerning(place).filter(({ probe }) => probe === place);
  }

  /** The closures that cover the place wherever it goes, shut or due. */
  #of({ target }: Place<Holder>): readonly Closure[] {
    const known = this.#providers.get(target.provider);
    if (known === undefined) return none;
    const ofModel = known.find(target.model)?.closure ?? null;
    if (known.closure === null) return ofModel === null ? none : [ofModel];
    return ofModel === null ? [known.closure] : [known.closure, ofModel];
  }

  /** Those, and the ones of its model at single endpoints. */
  #concerning(place: Place<Holder>): readonly Closure[] {
    const model = this.#find(place.target);
    return model === null ? this.#of(place) : [...this.#of(place), ...model.atEndpoints.values()];
  }

  /** The closures at all endpoints that it may go to, shut or due; none if its model is open at one of them. */
  #atAllEndpoints(place: Place<Holder>): readonly Closure[] {
    const model = this.#find(place.target);
    if (model === null || model.atEndpoints.size === 0) return none;
    const up = this.#options.endpoints.upFor(place);
    const closed = up.flatMap(id => model.atEndpoints.get(id) ?? []);
    return closed.length === up.length ? closed : none;
  }

  #find({ provider, model }: TargetName): ModelTargets<Holder> | null {
    return this.#providers.get(provider)?.find(model) ?? null;
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
    this.#hold(closure, true);
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
    this.#hold(closure, false);
  }

  #hold(closure: Closure, isHeld: boolean): void {
    const { provider, model, endpoint } = closure;
    const targets = this.#provider(provider);
    const held = isHeld ? closure : null;
    if (model === null) {
      targets.closure = held;
      return;
    }
    const known = targets.model(model);
    if (endpoint === null) known.closure = held;
    else if (isHeld) known.atEndpoints.set(endpoint, closure);
    else known.atEndpoints.delete(endpoint);
    known.forgetIfUnused();
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
  #review({ provider, model, endpoint }: Closure): void {
    const targets = [...this.#provider(provider).of(model)];
    const known = model === null || endpoint === null ? null : this.#find({ provider, model });
    known?.look();
    for (const target of known === null ? [] : targets)
      target.select(
        this.#options.endpoints.reach({ target: { provider }, avoid: target.avoid }, known?.shut ?? nowhere),
      );
    this.review(targets);
  }
}

function partOf({ target, endpoint }: Place<unknown>, scope: Scope): ClosedPart {
  const { provider, model } = target;
  if (scope === 'provider') return { provider, model: null, endpoint: null };
  return { provider, model, endpoint: scope === 'endpoint' ? (endpoint?.id ?? null) : null };
}

function firstOf(closures: readonly Closure[]): readonly Closure[] {
  const first = Math.min(...closures.map(({ until }) => until));
  return closures.filter(({ until }) => until === first).slice(0, 1);
}

function longest(closures: readonly Closure[]): Closure | null {
  return closures.reduce<Closure | null>((best, one) => (best === null || one.until > best.until ? one : best), null);
}
