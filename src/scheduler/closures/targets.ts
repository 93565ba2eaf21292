/** Providers and their models, while one is closed or has requests that stand aside for it. */

import type { Selection } from '../endpoints/selection.ts';
import type { Place } from '../flows/flow.ts';
import type { SideQueue, SideTarget, TargetState } from '../flows/side-queues.ts';
import type { Closure } from './closure.ts';

/** A provider together with a model's name, and with the endpoints that the requests may go to. */
export class Target<Holder> implements SideTarget<Place<Holder>> {
  /** The side queues of flows that have requests aside for it. */
  readonly queues = new Set<SideQueue<Place<Holder>>>();
  readonly #model: ModelTargets<Holder>;
  readonly #selection: Selection<Target<Holder>>;

  constructor(model: ModelTargets<Holder>, selection: Selection<Target<Holder>>) {
    this.#model = model;
    this.#selection = selection;
    selection.join(this);
  }

  get state(): TargetState {
    if (this.#model.isShut) return 'closed';
    return this.#selection.hasRoom ? 'open' : 'full';
  }

  joined(queue: SideQueue<Place<Holder>>): void {
    this.queues.add(queue);
  }

  left(queue: SideQueue<Place<Holder>>): void {
    this.queues.delete(queue);
    if (this.queues.size > 0) return;
    this.#selection.leave(this);
    this.#model.forget(this.#selection.key);
  }
}

/** One model of a provider: its targets by the endpoints that requests may go to. */
export class ModelTargets<Holder> {
  closure: Closure | null = null;
  readonly #provider: ProviderTargets<Holder>;
  readonly #name: string;
  readonly #targets = new Map<string, Target<Holder>>();

  constructor(provider: ProviderTargets<Holder>, name: string) {
    this.#provider = provider;
    this.#name = name;
  }

  /** Whether the upstream has closed it, by itself or with its provider. */
  get isShut(): boolean {
    return this.closure?.isShut === true || this.#provider.closure?.isShut === true;
  }

  all(): Iterable<Target<Holder>> {
    return this.#targets.values();
  }

  target(selection: Selection<Target<Holder>>): Target<Holder> {
    const known = this.#targets.get(selection.key);
    if (known !== undefined) return known;
    const target = new Target(this, selection);
    this.#targets.set(selection.key, target);
    return target;
  }

  forget(key: string): void {
    this.#targets.delete(key);
    this.forgetIfUnused();
  }

  forgetIfUnused(): void {
    if (this.closure === null && this.#targets.size === 0) this.#provider.forget(this.#name);
  }
}

export class ProviderTargets<Holder> {
  closure: Closure | null = null;
  readonly #models = new Map<string, ModelTargets<Holder>>();

  /** Returns the targets of one model, or all known ones. */
  *of(model: string | null): Iterable<Target<Holder>> {
    if (model !== null) yield* this.#models.get(model)?.all() ?? [];
    else for (const known of this.#models.values()) yield* known.all();
  }

  closureOf(model: string): Closure | null {
    return this.#models.get(model)?.closure ?? null;
  }

  model(name: string): ModelTargets<Holder> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const model = new ModelTargets(this, name);
    this.#models.set(name, model);
    return model;
  }

  forget(model: string): void {
    this.#models.delete(model);
  }
}
