/** The calls of one request: those that were made, and whether and where another one may follow. */
import type { Clock } from '../../domain/clock.ts';
import type { Attempt } from '../../domain/outcome.ts';
import type { FailedCall } from '../../upstreams/upstreams.ts';
import { mayRepeat, mostAttempts, neverConnected, pauseMs, reasonOf } from './retry-rules.ts';
import type { Stop, Stops } from './stops.ts';

interface Caller {
  /** The upstream keeps what comes of it, or goes on with it by itself. */
  readonly leavesTraces: boolean;
  readonly clock: Clock;
  /** 0 ≤ x < 1; spreads retries. */
  readonly random: () => number;
}

/** What follows a failed call. */
export interface Next {
  /** The target; null: the same one. */
  readonly index: number | null;
  readonly pauseMs: number;
}

const none: readonly string[] = [];

export const stays: Next = { index: null, pauseMs: 0 };

export class Calls {
  /** The present one included. */
  readonly made: Attempt[] = [];
  readonly #caller: Caller;
  readonly #stops: Stops;
  #calledAt = 0;

  constructor(caller: Caller, stops: Stops) {
    this.#caller = caller;
    this.#stops = stops;
  }

  begin({ target, ticket }: Stop): void {
    this.#calledAt = this.#caller.clock.now();
    if (this.made.length === 0) this.#stops.home.retries.request(this.#calledAt);
    const { provider } = target;
    // A lone endpoint needs no name.
    const endpoint = provider.hasOther(none) ? (ticket.endpoint ?? null) : null;
    this.made.push({ provider: provider.name, endpoint, failure: null, ms: 0 });
  }

  end(): void {
    const call = this.made.at(-1);
    if (call !== undefined) call.ms = this.#caller.clock.now() - this.#calledAt;
  }

  /** The present call has failed: returns where it is made again, at another endpoint first; null: nowhere. */
  again(failure: FailedCall, stop: Stop): Next | null {
    this.#failed(reasonOf(failure));
    const { leavesTraces, random } = this.#caller;
    const { retriesUnsafe } = stop.target.provider;
    const ms = pauseMs(failure, this.made.length, random());
    if (!mayRepeat(failure, { retriesUnsafe, leavesTraces }) || !this.#isInTime(ms)) return null;
    const hasOther = this.#hasOtherEndpoint(stop);
    const index = hasOther ? null : this.#stops.after(stop);
    if (!hasOther && index === null) return null;
    if (!neverConnected(failure) && !this.#takeRetry()) return null;
    return hasOther && !stop.ticket.avoidEndpoint() ? null : { index, pauseMs: ms };
  }

  /** Where the request was to go may have gone down since its call failed. */
  asThingsAre(next: Next, stop: Stop): Next {
    if (next === stays || (next.index === null && this.#hasOtherEndpoint(stop))) return next;
    return { ...next, index: this.#stops.after(stop) ?? next.index };
  }

  /** The upstream has refused the key of the present call. True: the next call is made there with another one. */
  againWithOtherKey(stop: Stop): boolean {
    if (!this.#isInTime(0) || !stop.dispatcher.isOpen || !this.#takeRetry()) return false;
    this.#failed('401');
    this.end();
    this.begin(stop);
    return true;
  }

  #failed(reason: string): void {
    const call = this.made.at(-1);
    if (call !== undefined) call.failure = reason;
  }

  #isInTime(pauseMs: number): boolean {
    return this.made.length < mostAttempts && this.#caller.clock.now() + pauseMs < this.#stops.deadline;
  }

  #takeRetry(): boolean {
    return this.#stops.home.retries.take(this.#caller.clock.now());
  }

  /** One that has not failed for it, and has not closed its model. */
  #hasOtherEndpoint({ target: { provider }, dispatcher, ticket }: Stop): boolean {
    const failed = this.made.flatMap(({ provider: name, endpoint }) =>
      name === provider.name && endpoint !== null ? [endpoint] : [],
    );
    return provider.hasOther(failed) && !dispatcher.outlook(ticket).isClosed;
  }
}
