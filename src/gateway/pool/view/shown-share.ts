/** A tenant's share of its level, as operators are shown it. */
import type { TenantShare } from '../../../domain/shown/live.ts';
import type { PoolShare } from '../../../domain/shown/pool-share.ts';
import type { FlowShare } from '../../../scheduler/scheduler.ts';

/** Returns the tenant's name for a flow ID; null if it has none. */
export type TenantName = (flowId: string) => string | null;

const rounded = (share: number): number => Number(share.toFixed(4));

export function shownShare(flow: FlowShare, ofPool: PoolShare, tenantName: TenantName): TenantShare {
  const { flowId, level, weight, waiting, running, servedShare, entitledShare } = flow;
  return {
    flow_id: flowId,
    tenant_name: tenantName(flowId),
    level,
    weight,
    waiting,
    running,
    served_share: rounded(servedShare),
    entitled_share: rounded(entitledShare),
    pool_share: ofPool.share === null ? null : rounded(ofPool.share),
    behind: ofPool.behind,
  };
}
