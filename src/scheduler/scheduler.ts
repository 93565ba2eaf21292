/**
 * Decides which request of one pool is next. Pure and synchronous: the time is an argument, nothing is
 * awaited and no callback runs later; the caller (gateway/pool/pool-desk.ts) carries its decisions out.
 *
 *   seats          which levels may start one more         seats.ts (reserved, caps; all that a pool has: capacity.ts)
 *   level tier     which of them                           level-tier.ts (strict order, or counters by weight,
 *                                                          or the least charged flow of them all)
 *   tenant tier    which flow in it                        fair-flows.ts (least charged first)
 *   flow           which request                           flow.ts (first in, first out)
 *
 * Waiting requests are in pool-queue.ts. A tenant at a limit of its own stands aside (parking.ts), and so does a
 * request for a model or provider that the upstream has closed (closures.ts); a limit of the pool (gate, rates,
 * tokens in flight: capacity.ts) makes all requests wait for the one whose turn it is. overflow.ts handles a full
 * queue, takeover.ts what comes from another scheduler.
 *
 * Invariants: no start takes a seat that is reserved for another level or makes more of them in use
 * than there are; a place whose deadline is over is never given a seat.
 */
import type { EndpointSeats } from '../domain/endpoint.ts';
import type { Spent } from '../domain/usage.ts';
import type { Level } from '../domain/vocabulary.ts';
import { Capacity } from './capacity/capacity.ts';
import { firstProbeMs } from './closures/closure.ts';
import type { Scope } from './closures/closures.ts';
import type { Endpoint } from './endpoints/endpoint.ts';
import { type Place, soundAmount } from './flows/flow.ts';
import { Inspection } from './inspection.ts';
import type { LevelQueue } from './queue/level-queue.ts';
import { LevelTier } from './queue/level-tier.ts';
import { PoolQueue } from './queue/pool-queue.ts';
import type { Admission, SchedulerSettings, Tenants } from './rules.ts';
import { Takeover } from './takeover.ts';

export type { Scope } from './closures/closures.ts';
export { type Demand, Place } from './flows/flow.ts';
export type { Closed, FlowShare, Standing } from './inspection.ts';
export type { Admission, SchedulerSettings, TenantRules, Tenants } from './rules.ts';

export interface SchedulerOptions {
  readonly settings: SchedulerSettings;
  readonly tenants: Tenants;
}

/**
 * A running request is charged again for every 8 tokens of output; steps of 64 tokens are too coarse to be fair
 * (bench/README.md, sim).
 */
const progressStep = 16;
const nothingSpent: Spent = { cost: 0, tokens: 0 };

export class Scheduler<Holder> {
  #settings: SchedulerSettings;
  readonly #capacity: Capacity;
  readonly #queue: PoolQueue<Holder>;
  readonly #tier: LevelTier<Holder>;
  /** A read-only view for inspection. */
  readonly inspection: Inspection<Holder>;
  readonly takeover: Takeover<Holder>;

  constructor({ settings, tenants }: SchedulerOptions) {
    this.#settings = settings;
    this.#capacity = new Capacity(settings);
    this.#queue = new PoolQueue<Holder>({ capacity: this.#capacity, changed: queue => this.#refresh(queue) });
    this.#tier = new LevelTier<Holder>(this.#queue.levels);
    this.inspection = new Inspection(this.#capacity, this.#tier, this.#queue);
    this.takeover = new Takeover(this.#capacity, this.#tier, this.#queue, queue => this.#refresh(queue));
    this.configure(settings, tenants, 0);
  }

  /** The seats that may be in use: as configured, or fewer if the upstream takes less. */
  get seats(): number {
    return this.#capacity.seats.limit;
  }

  get inUse(): number {
    return this.#capacity.seats.inUse;
  }

  /** The number of waiting places in all levels. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** The estimated tokens of the places that hold seats. */
  get tokensInFlight(): number {
    return this.#capacity.tokensInFlight;
  }

  /** Returns the counts of one level; `flows` is the number of remembered tenants. */
  level(
    level: Level,
  ): Pick<LevelQueue<Holder>, 'waiting' | 'waitingBytes' | 'aside' | 'running' | 'waitingCost' | 'dueCost' | 'flows'> {
    return this.#queue.level(level);
  }

  /** The queue's limits apply only to a place that has to wait. */
  enqueue(place: Place<Holder>, now: number): Admission {
    if (place.state !== 'new') throw new Error('a place is queued once');
    if (this.#capacity.isImpossible(place.tokens)) return 'impossible';
    if (!this.startsAtOnce(place, now)) {
      const refusal = this.#queue.makeRoom(place, this.#settings);
      if (refusal !== null) return refusal;
    }
    this.#queue.enter(place, now);
    return 'queued';
  }

  /** Whether the next call of next() gives the newcomer a seat because no waiting place may have it. */
  startsAtOnce(place: Place<Holder>, now: number): boolean {
    this.#queue.advance(now);
    this.#queue.endpoints.met(place);
    const tenant = this.#queue.tenants.reviewed(place.flowId, now);
    const { open } = this.#capacity.seats;
    return (
      (open & (1 << place.level)) !== 0 &&
      (this.#tier.ready & open) === 0 &&
      this.#capacity.seats.isBelowCap(place.level) &&
      tenant?.isParked !== true &&
      this.#queue.closures.keeping(place) === null &&
      this.#queue.hasRoomFor(place) &&
      this.#capacity.isOpen(now) &&
      this.#capacity.fits(place.tokens)
    );
  }

  /** Returns the places evicted since the last call, each of them once. */
  takeEvicted(): readonly Place<Holder>[] {
    return this.#queue.takeEvicted();
  }

  /**
   * Gives the next place a seat; undefined if no waiting place may have one now. A place that `mayStart` says no to is
   * waited for, in its turn, like one that does not fit.
   */
  next(now: number, mayStart?: (place: Place<Holder>) => boolean): Place<Holder> | undefined {
    this.#queue.advance(now);
    const mask = this.#tier.ready & this.#capacity.seats.open;
    if (mask === 0 || !this.#capacity.isOpen(now)) return undefined;
    const queue = this.#queue.level(this.#tier.pick(mask));
    const place = queue.peek();
    // A place that does not fit is waited for; otherwise small requests of worse levels would keep a large one out for
    // ever.
    if (place === null || !this.#capacity.fits(place.tokens)) return undefined;
    if (mayStart?.(place) === false) return undefined;
    const endpoint = this.#queue.choose(place);
    if (endpoint === undefined) return undefined;
    this.#start(place, endpoint, now);
    return place;
  }

  /** Charges what a running place has used so far; returns false if the change is too small to charge yet. */
  progress(place: Place<Holder>, spent: Spent, now: number): boolean {
    if (place.state !== 'running' || !(spent.cost > place.charged + progressStep)) return false;
    this.#settle(place, spent, now);
    return true;
  }

  /** Frees the seat of a place; its charge becomes what it has spent. A second call changes nothing. */
  finish(place: Place<Holder>, spent: Spent, now: number): boolean {
    if (place.state !== 'running') return false;
    this.#settle(place, spent, now);
    this.#leaveSeat(place, now);
    return true;
  }

  /** Frees the seat of a place that has not used it. Nothing is charged, and its rates get the request back. */
  releaseUnused(place: Place<Holder>, now: number): boolean {
    if (place.state === 'running') {
      this.#capacity.giveBackRequest();
      this.#queue.closures.probeEnded(place, 'told nothing', now);
    }
    return this.#undo(place, now);
  }

  /** Its upstream is busy: it waits again, before all others of its flow, until the same deadline. */
  putBack(place: Place<Holder>, now: number): boolean {
    if (!this.#undo(place, now)) return false;
    this.#queue.putBack(place);
    return true;
  }

  /** Removes a waiting place from its queue without a charge; returns false if it does not wait. */
  cancel(place: Place<Holder>): boolean {
    return this.#queue.cancel(place);
  }

  /** Returns the places whose deadline has come, each of them once. */
  expire(now: number): readonly Place<Holder>[] {
    return this.#queue.takeExpired(now);
  }

  /** The time at which the result of expire() or next() may change; undefined if nothing waits. */
  nextWake(now: number): number | undefined {
    const wake = this.#queue.nextWake();
    const openAt = this.#capacity.openAt(now);
    return wake !== undefined && openAt > now ? Math.min(wake, openAt) : wake;
  }

  /** Empties the queue. */
  removeAll(): readonly Place<Holder>[] {
    return this.expire(Number.POSITIVE_INFINITY);
  }

  /**
   * The upstream is busy: it has no room for a running place, and takes nothing more of the scope until then; null: it
   * has not said so. One of several endpoints speaks for itself, and of that model only. Returns when the place may start
   * again, or null; where too much is to be remembered, the pool is closed.
   */
  upstreamBusy(place: Place<Holder>, said: Scope, until: number | null, now: number): number | null {
    if (place.state !== 'running') return null;
    const { closures, endpoints } = this.#queue;
    const scope = endpoints.oneOfSeveral(place) === null ? said : 'endpoint';
    this.#queue.advance(now);
    // The limit of one model says little about the capacity of the pool; its closure is enough.
    if (scope === 'provider' || until === null) this.#capacity.upstreamDropped();
    const closedUntil = until === null ? null : closures.close(place, scope, until, now);
    closures.probeEnded(place, 'busy', now);
    if (scope === 'endpoint') return closedUntil === null ? null : (closures.keeping(place)?.until ?? now);
    if (until === null || closedUntil !== null) return closedUntil;
    // Only the time is kept, so all requests try again as soon as a probe would.
    return this.#capacity.closeUntil(Math.min(until, now + firstProbeMs));
  }

  /**
   * The upstream has taken a running place's request, or found it at fault. Returns false, without effect, if it is no
   * probe.
   */
  answered(place: Place<Holder>, how: 'taken' | 'at fault', now: number): boolean {
    const { closures } = this.#queue;
    return how === 'taken' ? closures.taken(place) : closures.probeEnded(place, 'told nothing', now);
  }

  /** The upstream has served a request; must be called while it holds its seat. */
  upstreamServed(): void {
    this.#capacity.upstreamServed();
  }

  /** Sets all endpoints of a provider (domain/endpoint.ts); what waits keeps its place, what runs its seat. */
  setEndpoints(provider: string, endpoints: readonly EndpointSeats[]): void {
    this.#queue.endpoints.set(provider, endpoints);
  }

  /** Applies new rules; waiting requests keep waiting, running ones keep running. */
  configure(settings: SchedulerSettings, tenants: Tenants, now: number): void {
    this.#settings = settings;
    this.#capacity.configure(settings, now);
    this.#tier.configure(settings);
    this.#queue.share(level => this.#tier.tenantsWeight(level));
    this.#queue.configure(tenants, now);
  }

  #start(place: Place<Holder>, endpoint: Endpoint | null, now: number): void {
    const queue = this.#queue.level(place.level);
    const isChosen = !this.#capacity.seats.isReserveOnly;
    place.levelWeight = this.#tier.weightOf(place.level);
    // First, as levels that begin to wait for endpoints keep their distance from the time.
    this.#tier.charge(place.level, place.cost / place.levelWeight, isChosen);
    place.endpoint = endpoint;
    this.#queue.take(queue, place, isChosen, now);
    place.state = 'running';
    place.charged = place.cost;
    place.chargedTokens = place.tokens;
    this.#capacity.take(place, now);
    this.#queue.endpoints.take(place);
    this.#refresh(queue);
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.started(tenant, place.tokens, now);
  }

  /** Sets the charge of a running place to what it has spent. */
  #settle(place: Place<Holder>, spent: Spent, now: number): void {
    const cost = soundAmount(spent.cost);
    const tokens = soundAmount(spent.tokens);
    const difference = cost - place.charged;
    this.#tier.correct(place.level, difference / place.levelWeight);
    this.#queue.level(place.level).correct(place, difference);
    this.#capacity.correct(tokens - place.chargedTokens, now);
    const tenant = place.flow?.tenant;
    if (tenant?.rates) {
      tenant.rates.correct(tokens - place.chargedTokens, now);
      this.#queue.tenants.review(tenant, now);
    }
    place.charged = cost;
    place.chargedTokens = tokens;
  }

  #leaveSeat(place: Place<Holder>, now: number): void {
    const queue = this.#queue.level(place.level);
    this.#queue.closures.probeEnded(place, 'no answer', now);
    queue.finish(place);
    if (this.#queue.endpoints.free(place)) this.#capacity.free(place);
    place.state = 'ended';
    const tenant = place.flow?.tenant;
    if (tenant) this.#queue.tenants.ended(tenant, now);
    this.#refresh(queue);
  }

  #undo(place: Place<Holder>, now: number): boolean {
    if (place.state === 'running') place.flow?.tenant?.rates?.giveBackRequest();
    return this.finish(place, nothingSpent, now);
  }

  /** Must be called after any change of what waits, is parked or runs in a level. */
  #refresh(queue: LevelQueue<Holder>): void {
    this.#tier.review(queue, this.#capacity.seats.isBelowCap(queue.id));
  }
}
