/** Counts the requests that took a better level than their own by X-Priority, by tenant, since the start. */
import type { Outcome } from '../domain/outcome.ts';

/** Tenants counted one by one; what others raised is counted together. */
const defaultTenants = 1_000;

export interface RaisedCount {
  readonly flowId: string;
  readonly requests: number;
}

export class RaisedRequests {
  readonly #mostTenants: number;
  readonly #counts = new Map<string, number>();
  #others = 0;

  constructor(mostTenants = defaultTenants) {
    this.#mostTenants = mostTenants;
  }

  /** On the request path. */
  add({ isRaised, flowId }: Pick<Outcome, 'isRaised' | 'flowId'>): void {
    if (!isRaised || flowId === null) return;
    const count = this.#counts.get(flowId);
    if (count === undefined && this.#counts.size >= this.#mostTenants) this.#others++;
    else this.#counts.set(flowId, (count ?? 0) + 1);
  }

  /** Returns the count of a separately counted tenant; 0 for all others. */
  of(flowId: string): number {
    return this.#counts.get(flowId) ?? 0;
  }

  /** Returns the tenants with the highest counts, and the total of all others. */
  most(limit: number): { readonly tenants: RaisedCount[]; readonly others: number } {
    const all = [...this.#counts].map(([flowId, requests]) => ({ flowId, requests }));
    const tenants = all.toSorted((a, b) => b.requests - a.requests).slice(0, limit);
    return { tenants, others: this.#total(all) + this.#others - this.#total(tenants) };
  }

  #total(counts: readonly RaisedCount[]): number {
    return counts.reduce((sum, { requests }) => sum + requests, 0);
  }
}
