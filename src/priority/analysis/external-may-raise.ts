/** Whether external tenants may choose a better level than the operator gave them, and which setting prevents it. */

import type { PrioritySettings } from '../../config/config.ts';
import type { Finding } from '../../domain/shown/finding.ts';
import type { RankedRow, Snapshot } from '../matching/matcher.ts';
import { finding } from './findings.ts';
import { shownRow } from './shown-row.ts';

export interface ExternalMayRaise {
  /** The number of external tenants that can choose a better level than their own. */
  readonly tenants: number;
  readonly message: string;
}

/** Returns null if none may. */
export function externalMayRaise(
  { x_priority }: Pick<PrioritySettings, 'x_priority'>,
  snapshot: Pick<Snapshot, 'externalBelowBest'> | undefined,
): ExternalMayRaise | null {
  const tenants = snapshot?.externalBelowBest ?? 0;
  if (x_priority.value !== 'allow' || tenants === 0) return null;
  return { tenants, message: `${tenants === 1 ? 'The external tenant' : `${tenants} external tenants`} ${mayRaise}` };
}

const mayRaise =
  'may take any level by sending X-Priority, because x_priority is allow: set it to internal, and external tenants ' +
  'can only lower their own';

const rowsNamed = 5;

/** The lint finding for it, with a row of some of these tenants. */
export function raisingFinding({ tenants, message }: ExternalMayRaise, rows: readonly RankedRow[]): Finding {
  const byTenant = new Map<string, RankedRow>();
  for (const row of rows) {
    const { tenant_type, level, flowId } = row.mapping;
    if (tenant_type !== 'external' || level === 0 || byTenant.has(flowId)) continue;
    byTenant.set(flowId, row);
    if (byTenant.size === rowsNamed) break;
  }
  const others = [...byTenant.values()].map(({ mapping }) => shownRow(mapping));
  return finding('external_may_raise', message, { others, more: tenants - others.length });
}
