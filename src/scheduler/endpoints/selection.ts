/**
 * The endpoints of a provider that requests may go to which avoid the same ones, and whose model is closed at the same ones.
 * Its watchers are told when there is room at one of them, and when there is none any more.
 */
import { type Chooser, type Room, roomAt } from './choice.ts';
import type { Endpoint } from './endpoint.ts';

/** The provider of a selection. */
interface Provider<Watcher> {
  readonly isTold: boolean;
  readonly endpoints: readonly Endpoint[];
  forget(selection: Selection<Watcher>): void;
}

export class Selection<Watcher> implements Chooser {
  readonly avoid: readonly string[];
  readonly shut: readonly string[];
  readonly watchers = new Set<Watcher>();
  room: Room;
  readonly #provider: Provider<Watcher>;

  constructor(provider: Provider<Watcher>, { avoid, shut }: Chooser) {
    this.#provider = provider;
    this.avoid = avoid;
    this.shut = shut;
    this.room = this.#roomNow();
  }

  /** Returns whether its room has changed. */
  look(): boolean {
    const { room } = this;
    this.room = this.#roomNow();
    return this.room !== room;
  }

  join(watcher: Watcher): void {
    this.watchers.add(watcher);
  }

  leave(watcher: Watcher): void {
    this.watchers.delete(watcher);
    if (this.watchers.size === 0) this.#provider.forget(this);
  }

  #roomNow(): Room {
    return this.#provider.isTold ? roomAt(this.#provider.endpoints, this) : 'open';
  }
}

/** Names a selection among those of its provider. */
export const keyOf = ({ avoid, shut }: Chooser): string =>
  shut.length === 0 ? keyOfIds(avoid) : `${keyOfIds(avoid)}\n${keyOfIds(shut)}`;

export const keyOfIds = (ids: readonly string[]): string =>
  ids.length < 2 ? (ids[0] ?? '') : [...ids].sort().join(' ');
