/** When a request leaves the queue of one target for the next one's pool. Pure. */
import type { Spill } from '../../upstreams/upstreams.ts';
import type { Outlook } from '../pool/desk.ts';

/** For a request that comes: it would wait too long here, and starts sooner there. */
export function goesAtOnce(here: Outlook, there: Outlook, { afterMs }: Spill): boolean {
  if (here.startsAtOnce !== false || here.isHeldByTenant) return false;
  if (here.predictedMs === null || here.predictedMs <= afterMs || there.isHeldByTenant) return false;
  return there.startsAtOnce === true || (there.predictedMs !== null && there.predictedMs < here.predictedMs);
}

/**
 * For a request that has waited too long. Where another process has the seats nothing is known of them: then it goes, but
 * not of a tenant with limits, which are not counted across pools there.
 */
export function goesNow(here: Outlook, there: Outlook): boolean {
  if (here.isHeldByTenant || there.isHeldByTenant) return false;
  return there.startsAtOnce !== false;
}

/** Whether a free seat there would be of no use to it. */
export const lacksMoreThanRoom = (here: Outlook, there: Outlook): boolean =>
  here.isHeldByTenant || there.isHeldByTenant || there.isClosed;
