/** The endpoints of one provider, and the selections of them that requests wait for. */
import type { AffinityResult, Warmth } from '../../domain/warmth.ts';
import { affinityAt, type Chooser, chooseEndpoint } from './choice.ts';
import { Endpoint } from './endpoint.ts';
import { keyOf, Selection } from './selection.ts';
import { ServedPrefixes } from './served-prefixes.ts';

interface Held {
  readonly level: number;
  readonly tokens: number;
  readonly warmth: Warmth | null;
}

export class ProviderEndpoints<Watcher> {
  readonly name: string;
  /** False: only requests that were seated elsewhere name some of them. Then any number of requests may start. */
  isTold = false;
  #endpoints: readonly Endpoint[] = [];
  readonly #selections = new Map<string, Selection<Watcher>>();
  #turns = 0;
  /** Null while no request goes by the beginning of its prompt. */
  #served: ServedPrefixes | null = null;
  /** Called when the room of a selection has changed. */
  readonly #changed: (selection: Selection<Watcher>) => void;

  constructor(name: string, changed: (selection: Selection<Watcher>) => void) {
    this.name = name;
    this.#changed = changed;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Nothing of it has to be known. */
  get isForgettable(): boolean {
    return !this.isTold && this.#endpoints.length === 0 && this.#selections.size === 0;
  }

  get seats(): number {
    return this.#endpoints.reduce((sum, { seats }) => sum + seats, 0);
  }

  /** Returns the endpoint of that ID; one that is not listed takes no more requests, once any are. */
  named(id: string): Endpoint {
    const known = this.#endpoints.find(endpoint => endpoint.id === id);
    if (known !== undefined) return known;
    const endpoint = new Endpoint(id, this.isTold ? 0 : Number.POSITIVE_INFINITY);
    endpoint.isListed = false;
    this.#endpoints = [...this.#endpoints, endpoint];
    return endpoint;
  }

  choose(chooser: Chooser): Endpoint | null {
    return chooseEndpoint(this.#endpoints, chooser, this.#served);
  }

  selection(chooser: Chooser): Selection<Watcher> {
    const key = keyOf(chooser);
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    const selection = new Selection(this, chooser);
    this.#selections.set(key, selection);
    return selection;
  }

  forget(selection: Selection<Watcher>): void {
    this.#selections.delete(keyOf(selection));
  }

  /** What the request finds there; to be asked before it is taken. Null: it does not matter to it. */
  affinityAt(endpoint: Endpoint, { warmth }: Held): AffinityResult | null {
    return warmth === null ? null : affinityAt(endpoint, this.#endpoints, warmth, this.#served);
  }

  take(endpoint: Endpoint, held: Held): void {
    endpoint.take(held);
    this.#note(endpoint, held);
    endpoint.givenAt = ++this.#turns;
    if (!endpoint.hasRoom) this.look();
  }

  free(endpoint: Endpoint, held: Held): void {
    const { hasRoom } = endpoint;
    endpoint.free(held);
    if (endpoint.inUse === 0 && !endpoint.isListed) this.#endpoints = this.#endpoints.filter(one => one !== endpoint);
    if (endpoint.hasRoom !== hasRoom) this.look();
  }

  #note(endpoint: Endpoint, { warmth }: Held): void {
    if (warmth?.by !== 'prefix') return;
    this.#served ??= new ServedPrefixes();
    for (const hash of warmth.hashes) this.#served.served(hash, endpoint);
  }

  /** Must be called when one of them has gained or lost its last free seat. */
  look(): void {
    if (this.#selections.size === 0) return;
    for (const selection of [...this.#selections.values()]) if (selection.look()) this.#changed(selection);
  }

  /** Sets which there are, in this order. `look` follows. */
  list(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
  }
}
