/** The targets of a route as one request comes to them: which it may go to, and its ticket there. */
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { Route, Target } from '../../upstreams/upstreams.ts';
import type { Dispatcher } from '../pool/dispatcher.ts';
import type { Ticket, TicketFields } from '../pool/ticket.ts';
import type { WarmthBy } from '../warmth.ts';

/** What the ticket of a request says at any target. */
export type Fields = Omit<TicketFields, 'provider' | 'model' | 'warmth'>;

/** A target that the request is at, or may go to. */
export interface Stop {
  readonly index: number;
  readonly target: Target;
  readonly dispatcher: Dispatcher;
  readonly ticket: Ticket;
}

interface StopsParts {
  readonly route: Route;
  readonly fields: Fields;
  readonly warmthBy: WarmthBy;
  readonly pools: ReadonlyMap<string, Dispatcher>;
  readonly clock: Clock;
}

/** Others are never gone to; a request is sent five times at most. */
const mostTargets = 31;

export class Stops {
  /** By the clock; no wait at any stop lasts longer. */
  readonly deadline: number;
  /** The first target that takes requests; else a lone endpoint that refuses them, or the one that is tried again first. */
  readonly first: Stop;
  /** When that is tried again; null: it is not down. */
  readonly downUntil: number | null;
  /** The pool that the route begins with. */
  readonly home: Dispatcher;
  readonly #parts: StopsParts;
  /** Bit n: the request has been at target n. */
  #visited = 0;

  constructor(parts: StopsParts) {
    this.#parts = parts;
    this.home = this.#dispatcherOf(this.#targetAt(0));
    const now = parts.clock.now();
    const { index, until } = firstUp(parts.route, now);
    this.deadline = Number.POSITIVE_INFINITY;
    this.first = this.at(index);
    this.deadline = now + this.first.ticket.timeoutMs;
    this.downUntil = until;
    this.visited(this.first);
  }

  visited({ index }: Stop): void {
    this.#visited |= 1 << index;
  }

  /** Throws `unavailable` where the pool has been removed since the request came. */
  at(index: number): Stop {
    const { fields, warmthBy, clock } = this.#parts;
    const target = this.#targetAt(index);
    const { provider, model } = target;
    const dispatcher = this.#dispatcherOf(target);
    const leftMs = Math.max(this.deadline - clock.now(), 0);
    const maxWaitMs = Math.min(fields.maxWaitMs ?? leftMs, leftMs);
    const warmth = warmthBy(provider.affinity);
    const ticket = dispatcher.ticket({ ...fields, provider: provider.name, model, warmth, maxWaitMs });
    return { index, target, dispatcher, ticket };
  }

  /** The first stop where no upstream has closed the model; else the first of all. */
  firstOpen(): Stop {
    if (this.#parts.route.targets.length === 1) return this.first;
    let stop = this.first;
    while (stop.dispatcher.outlook(stop.ticket).isClosed) {
      const next = this.after(stop);
      if (next === null) return this.first;
      stop = this.at(next);
      this.visited(stop);
    }
    return stop;
  }

  /** The next target that may take the request, after the last the first; null: none is left. */
  after({ index }: Stop): number | null {
    const { length } = this.#parts.route.targets;
    for (let step = 1; step < length; step++)
      if (this.#mayGoTo((index + step) % length)) return (index + step) % length;
    return null;
  }

  /** The next target in another pool that may take the request; null: there is none. */
  nextPool({ index, target }: Stop): Stop | null {
    const { length } = this.#parts.route.targets;
    for (let next = index + 1; next < length; next++)
      if (this.#targetAt(next).provider.pool !== target.provider.pool && this.#mayGoTo(next)) return this.at(next);
    return null;
  }

  /** The request has not been there, and the target is neither at rest nor removed nor about to stop. */
  #mayGoTo(index: number): boolean {
    const target = this.#targetAt(index);
    const isNew = index < mostTargets && (this.#visited & (1 << index)) === 0;
    if (!isNew || this.#parts.pools.get(target.provider.pool)?.isOpen !== true) return false;
    return target.provider.restsUntil(this.#parts.clock.now()) === null;
  }

  #targetAt(index: number): Target {
    const { targets } = this.#parts.route;
    return targets[index] ?? targets[0];
  }

  #dispatcherOf({ provider: { pool } }: Pick<Target, 'provider'>): Dispatcher {
    const dispatcher = this.#parts.pools.get(pool);
    if (dispatcher === undefined) throw errors.unavailable(`The pool ${pool} was taken out of service.`, 1);
    return dispatcher;
  }
}

const downUntil = ({ provider }: Target, now: number): number | null => provider.downUntil(now);

function firstUp({ targets }: Route, now: number): { readonly index: number; readonly until: number | null } {
  for (let index = 0; index < targets.length; index++)
    if ((targets[index] ?? targets[0]).provider.restsUntil(now) === null) return { index, until: null };
  let first = { index: 0, until: downUntil(targets[0], now) };
  for (let index = 1; index < targets.length && first.until !== null; index++) {
    const until = downUntil(targets[index] ?? targets[0], now);
    if (until === null || until < first.until) first = { index, until };
  }
  return first;
}
