/** Providers and their models, while one is closed or has requests that stand aside for it. */

import { keyOfIds, type Selection } from '../endpoints/selection.ts';
import type { Place } from '../flows/flow.ts';
import type { SideQueue, SideTarget, TargetState } from '../flows/side-queues.ts';
import type { Closure } from './closure.ts';

/** A provider together with a model's name, and with the endpoints that the requests may go to. */
export class Target<Holder> implements SideTarget<Place<Holder>> {
  /** The side queues of flows that have requests aside for it. */
  readonly queues = new Set<SideQueue<Place<Holder>>>();
  readonly #model: ModelTargets<Holder>;
  #selection: Selection<Target<Holder>>;

  constructor(model: ModelTargets<Holder>, selection: Selection<Target<Holder>>) {
    this.#model = model;
    this.#selection = selection;
    selection.join(this);
  }

  get state(): TargetState {
    if (this.#model.isShut) return 'closed';
    return this.#selection.room;
  }

  /** The endpoints that its requests avoid. */
  get avoid(): readonly string[] {
    return this.#selection.avoid;
  }

  /** The model is closed at other endpoints than before. */
  select(selection: Selection<Target<Holder>>): void {
    const before = this.#selection;
    if (before === selection) return;
    this.#selection = selection;
    selection.join(this);
    before.leave(this);
  }

  joined(queue: SideQueue<Place<Holder>>): void {
    this.queues.add(queue);
  }

  left(queue: SideQueue<Place<Holder>>): void {
    this.queues.delete(queue);
    if (this.queues.size > 0) return;
    this.#selection.leave(this);
    this.#model.forget(this);
  }
}

const nowhere: readonly string[] = [];

/** One model of a provider: its targets by the endpoints that their requests avoid. */
export class ModelTargets<Holder> {
  closure: Closure | null = null;
  /** By the ID of the endpoint. */
  readonly atEndpoints = new Map<string, Closure>();
  /** The endpoints that may start nothing of it. */
  shut: readonly string[] = nowhere;
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

  /** Must be called when a closure at an endpoint has changed; a `select` of each target follows. */
  look(): void {
    this.shut = [...this.atEndpoints.values()].flatMap(({ endpoint, isShut }) => (isShut ? (endpoint ?? []) : []));
  }

  all(): Iterable<Target<Holder>> {
    return this.#targets.values();
  }

  target(selection: Selection<Target<Holder>>): Target<Holder> {
    const key = keyOfIds(selection.avoid);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const target = new Target(this, selection);
    this.#targets.set(key, target);
    return target;
  }

  forget({ avoid }: Target<Holder>): void {
    this.#targets.delete(keyOfIds(avoid));
    this.forgetIfUnused();
  }

  forgetIfUnused(): void {
    if (this.closure === null && this.atEndpoints.size + this.#targets.size === 0) this.#provider.forget(this.#name);
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

  find(model: string): ModelTargets<Holder> | null {
    return this.#models.get(model) ?? null;
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
