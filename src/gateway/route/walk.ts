/**
 * The way of one request over the targets of its route, until one has answered it, or none can.
 *
 *   first target that is not down ──► its pool's queue ──► seat ──► call ──► answered
 *           │                            │                           │
 *           │ would wait too long        │ has waited too long       │ failed before its client was told anything
 *           └──────────┬─────────────────┘                           ├─► another endpoint of the target: put back
 *                      ▼                                             ├─► the next target
 *           the next target's pool (spilling)                        └─► waits here for room, or the client is told
 *
 * Whatever it meets: one deadline, one wait that is told, one charge. A seat is given back before another is asked for.
 */
import type { Clock } from '../../domain/clock.ts';
import { ClientLeft, errors, GatewayError } from '../../domain/errors.ts';
import type { Attempt } from '../../domain/outcome.ts';
import type { RequestTrace } from '../../domain/request-trace.ts';
import type { Sink } from '../../domain/sink.ts';
import { Ring } from '../../domain/structures/ring.ts';
import { type FailedCall, isBusy, type Route, type Spill } from '../../upstreams/upstreams.ts';
import type { Dispatcher } from '../pool/dispatcher.ts';
import type { Wait } from '../pool/guest.ts';
import type { Candidate } from '../pool/overflow.ts';
import { movedOn, putBack } from '../pool/ticket.ts';
import type { WarmthBy } from '../warmth.ts';
import { Calls, type Next, stays } from './calls.ts';
import { goesAtOnce, goesNow, lacksMoreThanRoom } from './spilling.ts';
import { type Fields, type Stop, Stops } from './stops.ts';

/** The request that walks. */
export interface Walker {
  readonly fields: Fields;
  /** The upstream keeps what comes of it, or goes on with it by itself. */
  readonly leavesTraces: boolean;
  readonly warmthBy: WarmthBy;
  readonly sink: Pick<Sink, 'isClosed'>;
  readonly trace: Pick<RequestTrace, 'queued' | 'putBack'>;
  readonly clock: Clock;
  /** 0 ≤ x < 1; spreads retries. */
  readonly random: () => number;
}

/** While the next target cannot take anything. */
const lookAgainMs = 1_000;

export class Walk implements Wait, Candidate {
  /** The pool that it has left as it would have waited too long there; null: none. */
  spilledFrom: string | null = null;
  readonly #walker: Walker;
  readonly #spill: Spill | null;
  readonly #stops: Stops;
  readonly #calls: Calls;
  #stop: Stop;
  #enteredAt: number;
  /** The stops before the present one together; of the queue's position the first one's counts. */
  #past: Omit<Wait, 'endpoint' | 'affinity'> | null = null;
  #next: Next | null = null;
  /** The target that it has spilled from. */
  #origin = 0;
  #endPause: () => void = nothing;
  #cancelWatch: () => void = nothing;
  #placeInOverflow: Ring<Candidate> | null = null;
  /** Ends its count with its tenant in the pool that it has spilled from. */
  #giveBack: ((spentTokens: number | null) => void) | null = null;

  /** Throws `unavailable` where all targets are down for longer than the request may wait. */
  constructor(route: Route, walker: Walker, pools: ReadonlyMap<string, Dispatcher>) {
    const { fields, warmthBy, clock } = walker;
    this.#walker = walker;
    this.#spill = route.spill?.levels.has(fields.level) ? route.spill : null;
    this.#stops = new Stops({ route, fields, warmthBy, pools, clock });
    this.#calls = new Calls(walker, this.#stops);
    const { first, downUntil, deadline } = this.#stops;
    this.#stop = first;
    this.#enteredAt = clock.now();
    if (downUntil !== null && downUntil > deadline)
      throw errors.unavailable('No endpoint of the upstream can be reached.', (downUntil - clock.now()) / 1000);
  }

  /** The calls so far, the present one included. */
  get attempts(): readonly Attempt[] {
    return this.#calls.made;
  }

  get stop(): Stop {
    return this.#stop;
  }

  /** It has a seat, or had one to its end. */
  get isGranted(): boolean {
    return this.#stop.ticket.isGranted;
  }

  get wasQueued(): boolean {
    return this.#past?.wasQueued === true || this.#stop.ticket.wasQueued;
  }

  get waitMs(): number {
    return (this.#past?.waitMs ?? 0) + this.#stop.ticket.waitMs;
  }

  get position(): number {
    return this.#past?.position ?? this.#stop.ticket.position;
  }

  /** Calls `forward` at each stop, while the request has its seat there, until it does not say that it was put back. */
  async run(forward: () => Promise<'done' | 'put back'>): Promise<void> {
    this.#enter();
    const attempt = () => this.#attempt(forward);
    try {
      // In one function, as each further promise costs every request.
      for (;;) {
        const { dispatcher, ticket } = this.#stop;
        ticket.onTargetDown = this.#onTargetDown;
        try {
          if ((await dispatcher.run(ticket, attempt)) !== movedOn) return;
          // What has spilled is at its next stop already.
          if (this.#stop.ticket === ticket) this.#goTo(this.#stops.at(this.#next?.index ?? 0), ticket.waitMs);
        } catch (error) {
          if (!this.#goesOnRefused(error)) throw error;
        }
      }
    } finally {
      this.#cancelWatch();
      this.#placeInOverflow?.leave();
      this.#giveBack?.(this.attempts.length === 0 ? null : this.#stop.ticket.spent.tokens);
    }
  }

  /** The client has left. May be called at any time. */
  leave(): void {
    this.#stop.ticket.leave();
    this.#endPause();
  }

  /** The present call has failed. Returns whether it is made again; see UpstreamCall.onFailing. */
  failing(failure: FailedCall): boolean {
    const { status, retryAfterMs } = failure;
    const busyStatus = isBusy(status) ? status : null;
    // First, as it closes something: the request goes where it has not.
    const hasTime = busyStatus !== null && retryAfterMs !== null;
    const mayWait = hasTime && this.#stop.ticket.upstreamBusy(busyStatus, retryAfterMs);
    this.#next = this.#calls.again(failure, this.#stop) ?? (mayWait ? stays : null);
    // One endpoint without room says nothing of its provider while another may have some.
    const staysHere = this.#next !== null && this.#next.index === null;
    if (busyStatus !== null && !hasTime && !staysHere) this.#stop.ticket.upstreamBusy(busyStatus, null);
    return this.#next !== null;
  }

  /** The upstream has refused the key of the present call. Returns whether it is made again there, with another one. */
  mayUseOtherKey(): boolean {
    return this.#calls.againWithOtherKey(this.#stop);
  }

  comeOver(): void {
    const next = this.#stops.nextPool(this.#stop);
    if (next === null) return;
    const { dispatcher, ticket } = this.#stop;
    const [here, there] = [dispatcher.outlook(ticket), next.dispatcher.outlook(next.ticket)];
    const mayCome = ticket.isWaiting && this.attempts.length === 0;
    if (mayCome && goesNow(here, there)) this.#spillTo(next);
    else if (!mayCome || lacksMoreThanRoom(here, there)) {
      // A few are asked at a time: it must not stand before those that could come.
      this.#placeInOverflow?.leave();
      if (mayCome) this.#watch(lookAgainMs);
    }
  }

  /** It waits for a target that is down now: it goes on to the next one, if there is one. */
  readonly #onTargetDown = (): void => {
    const { dispatcher, ticket } = this.#stop;
    const index = this.#stops.after(this.#stop);
    if (index === null || !ticket.isWaiting) return;
    dispatcher.moveAway(ticket);
    this.#goTo(this.#stops.at(index), this.attempts.length > 0 ? ticket.waitMs : this.#now() - this.#enteredAt);
  };

  async #attempt(forward: () => Promise<'done' | 'put back'>): Promise<undefined | typeof putBack | typeof movedOn> {
    this.#calls.begin(this.#stop);
    try {
      if ((await forward()) === 'done') return undefined;
    } finally {
      this.#calls.end();
    }
    return this.#goOn();
  }

  async #goOn(): Promise<typeof putBack | typeof movedOn> {
    const { trace, sink } = this.#walker;
    const next = this.#next ?? stays;
    trace.putBack();
    if (next.pauseMs > 0) await this.#pause(next.pauseMs);
    if (sink.isClosed) throw new ClientLeft('The client left before its request was sent again.');
    this.#next = this.#calls.asThingsAre(next, this.#stop);
    if (this.#next.index !== null) return movedOn;
    trace.queued(this.#stop.ticket);
    return putBack;
  }

  /** With its seat: the upstream is to be spared for the moment. */
  #pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      this.#walker.clock.after(ms, resolve);
      this.#endPause = resolve;
    });
  }

  // ---- spilling

  /** Enters the first pool, or the next one where that is better. */
  #enter(): void {
    this.#stop = this.#stops.firstOpen();
    const { dispatcher, ticket } = this.#stop;
    this.#walker.trace.queued(ticket);
    if (this.#spill === null) return;
    const next = this.#stops.nextPool(this.#stop);
    const isBetterThere =
      next !== null && goesAtOnce(dispatcher.outlook(ticket), next.dispatcher.outlook(next.ticket), this.#spill);
    if (isBetterThere) {
      this.#spillTo(next);
      return;
    }
    dispatcher.enter(ticket);
    if (ticket.isWaiting) this.#watch(this.#spill.afterMs);
  }

  #watch(afterMs: number): void {
    this.#cancelWatch = this.#walker.clock.after(afterMs, () => this.#overdue(afterMs));
  }

  #overdue(afterMs: number): void {
    if (!this.#stop.ticket.isWaiting || this.attempts.length > 0) return;
    const next = this.#stops.nextPool(this.#stop);
    if (next === null) {
      this.#watch(Math.max(afterMs, lookAgainMs));
      return;
    }
    this.#placeInOverflow ??= new Ring<Candidate>(this);
    next.dispatcher.overflow.join(this.#walker.fields.level, this.#placeInOverflow);
  }

  /** In one tick: the first place is given up, then the second one is asked for. */
  #spillTo(next: Stop): void {
    const { index, dispatcher, ticket } = this.#stop;
    this.spilledFrom = dispatcher.name;
    this.#origin = index;
    this.#placeInOverflow?.leave();
    dispatcher.moveAway(ticket);
    this.#giveBack = dispatcher.lend(ticket);
    this.#goTo(next, this.#now() - this.#enteredAt);
    next.dispatcher.enter(next.ticket);
  }

  /**
   * What a pool has no room for goes back to the one that it spilled from, or spills if it may. Returns false where it is
   * to be refused.
   */
  #goesOnRefused(error: unknown): boolean {
    if (!(error instanceof GatewayError) || (error.code !== 'queue_full' && error.code !== 'queue_timeout'))
      return false;
    const now = this.#now();
    if (this.#walker.sink.isClosed || now >= this.#stops.deadline) return false;
    if (this.attempts.length > 0) return this.#goesFurther();
    if (this.spilledFrom !== null) {
      this.spilledFrom = null;
      this.#giveBack?.(null);
      this.#giveBack = null;
      this.#goTo(this.#stops.at(this.#origin), this.#stop.ticket.waitMs);
      return true;
    }
    const next = this.#spill === null ? null : this.#stops.nextPool(this.#stop);
    const { dispatcher, ticket } = this.#stop;
    if (next === null || !goesNow(dispatcher.outlook(ticket), next.dispatcher.outlook(next.ticket))) return false;
    this.#spillTo(next);
    return true;
  }

  /** A call has failed, and the pool of the target that came next has no room: to the one after that, if there is one. */
  #goesFurther(): boolean {
    const index = this.#stops.after(this.#stop);
    if (index === null) return false;
    this.#goTo(this.#stops.at(index), this.#stop.ticket.waitMs);
    return true;
  }

  /** `waitedMs`: at the stop that it leaves. */
  #goTo(next: Stop, waitedMs: number): void {
    const { wasQueued, position } = this;
    this.#past = { wasQueued, position, waitMs: (this.#past?.waitMs ?? 0) + waitedMs };
    this.#stops.visited(next);
    this.#stop = next;
    this.#enteredAt = this.#now();
    this.#walker.trace.queued(next.ticket);
  }

  #now(): number {
    return this.#walker.clock.now();
  }
}

function nothing(): void {}
