/** The figures, beside the lanes, of the levels that requests chose by X-Priority. */
import type { XPriorityPolicy } from '../../../domain/vocabulary.ts';
import type { ExternalMayRaise } from '../../../priority/priority.ts';
import type { ChosenLevels } from '../contract/pool.ts';

interface Choosing {
  readonly policy: XPriorityPolicy;
  readonly externalMayRaise: ExternalMayRaise | null;
  readonly raised: {
    most(limit: number): {
      readonly tenants: readonly { readonly flowId: string; readonly requests: number }[];
      readonly others: number;
    };
  };
  readonly tenantName: (flowId: string) => string | null;
}

const mostShown = 20;

export function chosenLevels({ policy, externalMayRaise, raised, tenantName }: Choosing): ChosenLevels {
  const { tenants, others } = raised.most(mostShown);
  return {
    policy,
    external_may_raise: externalMayRaise,
    raised: tenants.map(({ flowId, requests }) => ({ flow_id: flowId, tenant_name: tenantName(flowId), requests })),
    raised_by_others: others,
  };
}
