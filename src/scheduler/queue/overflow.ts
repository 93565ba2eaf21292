/**
 * Chooses the request to evict when the queue is full.
 *
 *   a level is full   the newest request of the flow with the most queued cost, where the newcomer counts in
 *                     its own flow: a flooding tenant evicts its own requests, and a newcomer whose flow is not
 *                     shorter than all others is refused
 *   the pool is full  the same choice in the worst level that has something waiting, if that is worse
 *                     than the newcomer's; so P0 is never evicted for another level
 *
 * Nothing is evicted unless the newcomer gets in.
 */
import type { Place } from '../flows/flow.ts';
import type { SchedulerSettings } from '../rules.ts';
import type { LevelQueue } from './level-queue.ts';

type Limits = Pick<SchedulerSettings, 'maxQueueDepth' | 'maxQueueDepthPool' | 'maxQueuedBytes'>;
interface Queued {
  readonly waiting: number;
  readonly bytes: number;
}

interface Crowd<Holder> {
  readonly place: Place<Holder>;
  readonly levels: readonly LevelQueue<Holder>[];
  readonly settings: Limits;
  readonly queued: Queued;
  readonly evict: (victim: Place<Holder>) => void;
}

/** Whether the place fits without an eviction; `level` is the place's own. */
export const hasRoom = <Holder>(place: Place<Holder>, level: Pick<Queued, 'waiting'>, limits: Limits, queued: Queued) =>
  level.waiting < (limits.maxQueueDepth[place.level] ?? 0) &&
  queued.waiting < limits.maxQueueDepthPool &&
  queued.bytes + place.bodyBytes <= limits.maxQueuedBytes;

export function makeRoom<Holder>(crowd: Crowd<Holder>): 'level_full' | 'pool_full' | null {
  const { place, levels, settings, queued, evict } = crowd;
  const isLevelFull = (levels[place.level]?.waiting ?? 0) >= (settings.maxQueueDepth[place.level] ?? 0);
  const neighbour = isLevelFull ? longestBut(place, levels[place.level]) : null;
  if (isLevelFull && neighbour === null) return 'level_full';

  // The queue exceeds the limit only after the limit was lowered: then the newcomer must not make it worse.
  const excess = queued.bytes + place.bodyBytes - Math.max(settings.maxQueuedBytes, queued.bytes);
  let bytesToFree = excess - (neighbour?.bodyBytes ?? 0);
  let isOneToGo = neighbour === null && queued.waiting >= settings.maxQueueDepthPool;
  const worse = levels.slice(place.level + 1);
  const sum = (of: (level: LevelQueue<Holder>) => number) => worse.reduce((total, level) => total + of(level), 0);
  if (isOneToGo && sum(level => level.waiting) === 0) return 'pool_full';
  if (bytesToFree > 0 && sum(level => level.waitingBytes) < bytesToFree) return 'pool_full';

  if (neighbour !== null) evict(neighbour);
  while (isOneToGo || bytesToFree > 0) {
    const displaced = worse.findLast(level => level.waiting > 0)?.longest()?.tail;
    if (!displaced) break;
    evict(displaced);
    isOneToGo = false;
    bytesToFree -= displaced.bodyBytes;
  }
  return null;
}

/** Returns the newest place of the longest flow; null if the newcomer's own flow would be as long. */
function longestBut<Holder>(place: Place<Holder>, level: LevelQueue<Holder> | undefined): Place<Holder> | null {
  const longest = level?.longest();
  if (level === undefined || longest === undefined || longest.id === place.flowId) return null;
  return longest.waitingCost > (level.find(place.flowId)?.waitingCost ?? 0) + place.cost ? longest.tail : null;
}
