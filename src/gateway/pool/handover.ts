/**
 * What a desk takes over from another one, and hands over to it, as the seats of a pool move between processes: guests keep
 * their waits, their seats and what they are charged. A late call, or a second one, changes nothing.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Aims } from './aims.ts';
import { type Adopted, byAge } from './desk.ts';
import { type Guest, meet, type Stay } from './guest.ts';
import type { PoolCounts } from './level-counts.ts';
import type { Seating } from './seating.ts';
import type { PoolView } from './view/pool-view.ts';

interface HandoverParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler<Stay>;
  readonly counts: PoolCounts;
  readonly view: PoolView;
  readonly seating: Seating;
  readonly aims: Aims;
}

type Aged = Pick<Adopted, 'ageMs'> & { readonly stay: Stay };

export class Handover {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler<Stay>;
  readonly #counts: PoolCounts;
  readonly #view: PoolView;
  readonly #seating: Seating;
  readonly #aims: Aims;

  constructor({ clock, scheduler, counts, view, seating, aims }: HandoverParts) {
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#counts = counts;
    this.#view = view;
    this.#seating = seating;
    this.#aims = aims;
  }

  /** Another desk had these seats until now: no rate has a burst left from then, and no count of the past is theirs. */
  takeOver(): void {
    this.#view.beginAnew();
    this.#scheduler.takeover.emptyBursts(this.#clock.now());
  }

  /**
   * For a desk that takes over from another: seats those that have a seat there, and queues those that wait, with all that
   * wait here, by age. Nothing is charged, and no limit of the queue is asked.
   */
  adopt(guests: Iterable<Adopted>): void {
    const now = this.#clock.now();
    const waiting: Aged[] = [];
    for (const { guest, ageMs, wait, charged } of guests) {
      if (guest.stay !== null) continue;
      const stay = meet(guest);
      stay.adopt(wait, now);
      this.#view.entered(stay);
      if (charged === null) waiting.push({ stay, ageMs });
      else this.#adoptSeat(stay, charged, ageMs, now);
    }
    if (waiting.length > 0) this.requeue(now, waiting);
    this.#seating.pump(now);
  }

  /** All that wait or have a seat here, as another desk may adopt them; the oldest first. */
  guests(): Adopted[] {
    const now = this.#clock.now();
    const all = [...this.#view.present()].map(stay => {
      const { guest, place, wasQueued, position } = stay;
      const wait = { wasQueued, waitMs: stay.waitedMs(now), position, endpoint: stay.endpoint };
      const charged = stay.state === 'waiting' ? null : { cost: place.charged, tokens: place.chargedTokens };
      return { guest, ageMs: stay.ageMs(now), wait, charged };
    });
    return all.sort(byAge);
  }

  /** Guests whose process is gone: their seats are free, at what they were charged, and so are their places. */
  forget(guests: Iterable<Guest>): void {
    for (const { stay } of guests) {
      if (stay !== null && stay.state !== 'running' && isPresent(stay)) this.#counts.of(stay.place.level).cancelled++;
      this.#drop(stay);
    }
    this.#seating.pump(this.#clock.now());
  }

  /** Guests who go on at another desk, or come again: nothing of it is counted, and it may enter anew. */
  release(guests: Iterable<Guest>): void {
    for (const guest of guests) {
      const { stay } = guest;
      if (stay?.state === 'running') this.#counts.of(stay.place.level).dispatched--;
      this.#drop(stay);
      guest.stay = null;
    }
    this.#seating.pump(this.#clock.now());
  }

  /** A seat that never came to its guest: nothing is charged or counted, and it may enter anew. */
  takeBack(guest: Guest): void {
    const { stay } = guest;
    if (stay?.state !== 'running') return;
    this.#counts.of(stay.place.level).dispatched--;
    const now = this.#clock.now();
    this.#scheduler.releaseUnused(stay.place, now);
    this.#end(stay, now);
    guest.stay = null;
    this.#seating.pump(now);
  }

  #drop(stay: Stay | null): void {
    if (stay === null || !isPresent(stay)) return;
    const now = this.#clock.now();
    const { place } = stay;
    if (!this.#scheduler.cancel(place))
      this.#scheduler.finish(place, { cost: place.charged, tokens: place.chargedTokens }, now);
    this.#end(stay, now);
  }

  #adoptSeat(stay: Stay, charged: Spent, ageMs: number, now: number): void {
    this.#scheduler.takeover.adopt(stay.place, charged, ageMs, now, stay.adoptedAt);
    stay.state = 'running';
    this.#counts.of(stay.place.level).dispatched++;
  }

  /** Queues all that wait here again, with those that come, by age. */
  requeue(now: number, adopted: readonly Aged[] = []): void {
    const arrived = new Set(adopted.map(({ stay }) => stay));
    const here = [...this.#view.present()].filter(stay => stay.state === 'waiting' && !arrived.has(stay));
    const all = [...here.map(stay => ({ stay, ageMs: stay.ageMs(now) })), ...adopted].sort(byAge);
    for (const stay of here) {
      this.#scheduler.cancel(stay.place);
      stay.newPlace();
    }
    for (const { stay } of all) this.#aims.aim(stay);
    for (const { stay, ageMs } of all) this.#scheduler.takeover.restore(stay.place, ageMs, now);
    this.#seating.lookAtAll(now);
  }

  #end(stay: Stay, now: number): void {
    this.#seating.end(stay, now);
    this.#seating.lookAt(stay.place.level, now);
  }
}

const isPresent = ({ state }: Stay): boolean => state !== 'new' && state !== 'ended';
