/** Counts by tenant what requests come to, until it is taken: by a scrape, or by the process that adds up those of all. */
import type { Outcome } from '../../domain/outcome.ts';
import { cut, printable, withoutKeys } from '../text.ts';
import { countRequest, noCounts, type TenantCounts } from './tenant-counts.ts';

/** The label of all tenants that have no series of their own. */
export const otherTenants = 'other';

export interface CountedTenant {
  /** As it may stand in a label. */
  readonly tenant: string;
  readonly counts: TenantCounts;
}

/** The most tenants that are told apart until they are taken; whoever comes later is one of the others. */
const mostTenants = 4096;
const longestLabel = 128;

export class TenantTally {
  #counts = new Map<string, TenantCounts>();

  /** A request that ended before its tenant was known is nobody's. */
  add(outcome: Outcome): void {
    if (outcome.flowId !== null) countRequest(this.#of(outcome.flowId), outcome);
  }

  /** Returns what was counted since the last call; a tenant may be there twice, as two may have one label. */
  take(): CountedTenant[] {
    const taken = this.#counts;
    if (taken.size > 0) this.#counts = new Map();
    return Array.from(taken, ([flowId, counts]) => ({ tenant: labelOf(flowId), counts }));
  }

  #of(flowId: string): TenantCounts {
    const known = this.#counts.get(flowId);
    if (known !== undefined) return known;
    const id = this.#counts.size < mostTenants ? flowId : otherTenants;
    const counts = this.#counts.get(id) ?? noCounts();
    this.#counts.set(id, counts);
    return counts;
  }
}

/** Rows written by hand may hold any text. A tenant that is called as all others are is one of them. */
export const labelOf = (flowId: string): string => cut(printable(withoutKeys(flowId)), longestLabel) || otherTenants;
