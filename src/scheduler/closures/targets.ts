/** Providers and their models, while one is closed or has requests that stand aside for it. */

import type { Place } from '../flows/flow.ts';
import type { SideQueue, SideTarget } from '../flows/side-queues.ts';
import type { Closure } from './closure.ts';

/** A provider together with a model's name. */
export class Target<Holder> implements SideTarget<Place<Holder>> {
  closure: Closure | null = null;
  /** The side queues of flows that have requests aside for it. */
  readonly queues = new Set<SideQueue<Place<Holder>>>();
  readonly #provider: ProviderTargets<Holder>;
  readonly #model: string;

  constructor(provider: ProviderTargets<Holder>, model: string) {
    this.#provider = provider;
    this.#model = model;
  }

  get isOpen(): boolean {
    return this.closure?.isShut !== true && this.#provider.closure?.isShut !== true;
  }

  joined(queue: SideQueue<Place<Holder>>): void {
    this.queues.add(queue);
  }

  left(queue: SideQueue<Place<Holder>>): void {
    this.queues.delete(queue);
    this.forgetIfUnused();
  }

  forgetIfUnused(): void {
    if (this.closure === null && this.queues.size === 0) this.#provider.forget(this.#model);
  }
}

export class ProviderTargets<Holder> {
  closure: Closure | null = null;
  readonly #targets = new Map<string, Target<Holder>>();

  /** Returns the target of one model, or all known ones. */
  of(model: string | null): Iterable<Target<Holder>> {
    return model === null ? this.#targets.values() : [this.target(model)];
  }

  closureOf(model: string): Closure | null {
    return this.#targets.get(model)?.closure ?? null;
  }

  target(model: string): Target<Holder> {
    const known = this.#targets.get(model);
    if (known !== undefined) return known;
    const target = new Target(this, model);
    this.#targets.set(model, target);
    return target;
  }

  forget(model: string): void {
    this.#targets.delete(model);
  }
}
