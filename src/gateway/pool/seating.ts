/** Carries out what the scheduler of a pool decides: guests get their seats and refusals, and the timer of the pool is set. */
import type { Clock } from '../../domain/clock.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import type { Place, Scheduler } from '../../scheduler/scheduler.ts';
import type { Admission } from './admission.ts';
import { Alarm } from './alarm.ts';
import type { Stay } from './guest.ts';
import { HandOffs } from './hand-offs.ts';
import type { PoolCounts } from './level-counts.ts';
import type { Refusal } from './refusal.ts';
import type { PoolView } from './view/pool-view.ts';

interface SeatingOptions {
  readonly clock: Clock;
  readonly scheduler: Scheduler<Stay>;
  readonly admission: Admission<Stay>;
  readonly counts: PoolCounts;
  readonly view: PoolView;
  readonly mayGrant: (now: number) => boolean;
}

export class Seating {
  readonly #scheduler: Scheduler<Stay>;
  readonly #admission: Admission<Stay>;
  readonly #counts: PoolCounts;
  readonly #view: PoolView;
  readonly #mayGrant: (now: number) => boolean;
  readonly #alarm: Alarm;
  readonly #handOffs: HandOffs;
  readonly #mayStart: (place: Place<Stay>) => boolean;
  /** Whether anything was closed at the last refresh of all levels. */
  #wasClosed = false;

  constructor({ clock, scheduler, admission, counts, view, mayGrant }: SeatingOptions) {
    this.#scheduler = scheduler;
    this.#admission = admission;
    this.#counts = counts;
    this.#view = view;
    this.#mayGrant = mayGrant;
    this.#mayStart = ({ holder }) => holder.guest.mayBeSeated?.(scheduler.seats) !== false;
    this.#alarm = new Alarm(clock, now => this.pump(now));
    this.#handOffs = new HandOffs(() => this.pump(clock.now()));
  }

  /** Seats all guests that can be seated, refuses those whose time is over, and sets the timer for the next moment. */
  pump(now: number): void {
    this.#seatAll(now);
    const overdue = this.#scheduler.expire(now);
    for (const place of overdue) {
      place.holder.wasQueued = true;
      this.refuse(place.holder, this.#admission.timedOut(place, now), now);
    }
    // A place may have been waiting behind one of them that was too large.
    if (overdue.length > 0) this.#seatAll(now);
    const isClosed = this.#scheduler.inspection.closures > 0;
    if (isClosed || this.#wasClosed) this.lookAtAll(now);
    this.#wasClosed = isClosed;
    // While resting, the next turn of the event loop looks again; no timer is needed before that.
    if (!this.#handOffs.isResting) this.#alarm.set(this.#scheduler.nextWake(now), now);
  }

  refuse(stay: Stay, refusal: Refusal, now: number): void {
    const { level } = stay.place;
    this.#counts.of(level).refused(refusal);
    this.lookAt(level, now);
    this.end(stay, now);
    stay.guest.refused(refusal, stay);
  }

  end(stay: Stay, now: number): void {
    this.#view.left(stay);
    stay.end(now);
  }

  /** Must be called when what waits in the level has changed. */
  lookAt(level: Level, now: number): void {
    this.#counts.of(level).look(this.#scheduler.level(level), now);
  }

  /** Openings and closures move the places that stand aside, in any level. */
  lookAtAll(now: number): void {
    for (const level of allLevels) this.lookAt(level, now);
  }

  #seatAll(now: number): void {
    if (!this.#mayGrant(now)) return;
    while (!this.#handOffs.isResting) {
      const place = this.#scheduler.next(now, this.#mayStart);
      if (place === undefined) return;
      this.#seat(place, now);
    }
  }

  #seat(place: Place<Stay>, now: number): void {
    const stay = place.holder;
    stay.seat(now);
    stay.guest.seated(stay);
    if (!stay.wasQueued) return;
    this.#counts.of(place.level).drain.record(place.cost, now);
    this.lookAt(place.level, now);
    this.#handOffs.count();
  }
}
