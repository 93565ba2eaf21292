/**
 * The endpoints of a provider that requests may go to which avoid the same ones. Its watchers are told when a seat is free at
 * one of them, and when none is any more.
 */
import { chooseEndpoint } from './choice.ts';
import type { Endpoint } from './endpoint.ts';

/** The provider of a selection. */
interface Provider<Watcher> {
  readonly isTold: boolean;
  readonly endpoints: readonly Endpoint[];
  forget(selection: Selection<Watcher>): void;
}

export class Selection<Watcher> {
  readonly avoid: readonly string[];
  readonly watchers = new Set<Watcher>();
  hasRoom: boolean;
  readonly #provider: Provider<Watcher>;

  constructor(provider: Provider<Watcher>, avoid: readonly string[]) {
    this.#provider = provider;
    this.avoid = avoid;
    this.hasRoom = this.#hasRoomNow();
  }

  /** Names it among those of all providers. */
  get key(): string {
    return keyOf(this.avoid);
  }

  /** Returns whether that has changed. */
  look(): boolean {
    const { hasRoom } = this;
    this.hasRoom = this.#hasRoomNow();
    return this.hasRoom !== hasRoom;
  }

  join(watcher: Watcher): void {
    this.watchers.add(watcher);
  }

  leave(watcher: Watcher): void {
    this.watchers.delete(watcher);
    if (this.watchers.size === 0) this.#provider.forget(this);
  }

  #hasRoomNow(): boolean {
    return !this.#provider.isTold || chooseEndpoint(this.#provider.endpoints, this) !== null;
  }
}

export const keyOf = (avoid: readonly string[]): string =>
  avoid.length < 2 ? (avoid[0] ?? '') : [...avoid].sort().join(' ');
