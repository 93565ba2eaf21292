/**
 * The seats that the requests of a pool would use if it had any number of them: those that run, and those that wait for
 * nothing else. More seats do not start a request that is beyond a limit of its tenant or the cap of its level, or whose
 * model or provider the upstream has closed. The pool's own rates and its limit of tokens in flight do not count here.
 */
import type { Capacity } from './capacity/capacity.ts';
import type { Flow } from './flows/flow.ts';
import type { Tenant } from './flows/tenant.ts';
import type { LevelQueue } from './queue/level-queue.ts';
import type { PoolQueue } from './queue/pool-queue.ts';

/** What the limits of a tenant leave, over all levels. */
interface Left {
  starts: number;
  tokens: number;
}

/** Returns the seats of each level, P0 … P9. */
export function seatsWanted<Holder>(capacity: Capacity, queue: PoolQueue<Holder>, now: number): number[] {
  const isClosed = now < capacity.closedUntil;
  const tenants = new Map<Tenant<Flow<Holder>>, Left>();
  const leftOf = ({ tenant }: Flow<Holder>): Left => {
    if (tenant === null) return { starts: Number.POSITIVE_INFINITY, tokens: Number.POSITIVE_INFINITY };
    const left = tenants.get(tenant) ?? leftNow(tenant, now);
    tenants.set(tenant, left);
    return left;
  };
  return queue.levels.map(level => {
    const room = isClosed ? 0 : capacity.seats.capOf(level.id) - level.running;
    return level.running + startable(level, room, { queue, leftOf });
  });
}

function leftNow<Holder>({ rules, running, rates }: Tenant<Flow<Holder>>, now: number): Left {
  const seats = (rules.maxConcurrent ?? Number.POSITIVE_INFINITY) - running;
  const left = rates?.left(now);
  return {
    starts: Math.min(seats, left?.requests ?? Number.POSITIVE_INFINITY),
    tokens: left?.tokens ?? Number.POSITIVE_INFINITY,
  };
}

interface Parts<Holder> {
  readonly queue: PoolQueue<Holder>;
  readonly leftOf: (flow: Flow<Holder>) => Left;
}

/** How many waiting requests of the level would start, at most `room`. */
function startable<Holder>(level: LevelQueue<Holder>, room: number, { queue, leftOf }: Parts<Holder>): number {
  let count = 0;
  for (const flow of level.knownFlows()) {
    if (count >= room) break;
    if (flow.head === null) continue;
    // The usual case, in which no request has to be looked at.
    if (flow.tenant === null && !queue.closures.hasAny) count += Math.min(flow.waiting, room - count);
    else count += startableOf(flow, room - count, { queue, leftOf });
  }
  return count;
}

function startableOf<Holder>(flow: Flow<Holder>, room: number, { queue, leftOf }: Parts<Holder>): number {
  const left = leftOf(flow);
  let count = 0;
  for (let place = flow.head; place !== null; place = place.next) {
    if (count >= room || left.starts < 1 || left.tokens <= 0) break;
    if (queue.closures.covers(place)) continue;
    left.starts--;
    left.tokens -= place.tokens;
    count++;
  }
  return count;
}
