/**
 * The tenants with rules of their own, and which of them are parked: a tenant at its limit of seats comes back when one
 * of its requests ends, a tenant at a rate limit comes back by the clock.
 */
import type { Flow } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { Tenant } from '../flows/tenant.ts';
import type { Tenants } from '../rules.ts';

type FlowTenant<Holder> = Tenant<Flow<Holder>>;

/** `spentTokens`: null if it has never started. */
export type Lent = (spentTokens: number | null, now: number) => void;
const neverLent: Lent = () => {};

interface ParkingOptions<Holder> {
  /** Moves the flow to its proper heap when its tenant may start something again, or nothing any more. */
  readonly review: (flow: Flow<Holder>) => void;
  /** Called after a flow of this level was reviewed. */
  readonly changed: (flow: Flow<Holder>) => void;
}

export class Parking<Holder> {
  readonly #options: ParkingOptions<Holder>;
  readonly #tenants = new Map<string, FlowTenant<Holder>>();
  /** Tenants parked for their rates, by the time at which these open. */
  readonly #byTime = new IndexedHeap<FlowTenant<Holder>>();

  constructor(options: ParkingOptions<Holder>) {
    this.#options = options;
  }

  find(flowId: string): FlowTenant<Holder> | null {
    if (this.#tenants.size === 0) return null;
    return this.#tenants.get(flowId) ?? null;
  }

  /** Returns the tenant as it stands now; null if it has no rules. */
  reviewed(flowId: string, now: number): FlowTenant<Holder> | null {
    const tenant = this.find(flowId);
    if (tenant !== null) this.review(tenant, now);
    return tenant;
  }

  /** Brings back the tenants whose rate is open again. */
  wake(now: number): void {
    for (let tenant = this.#byTime.peek(); tenant !== undefined && tenant.key <= now; tenant = this.#byTime.peek())
      this.review(tenant, now);
  }

  nextWake(): number {
    return this.#byTime.peek()?.key ?? Number.POSITIVE_INFINITY;
  }

  queued(tenant: FlowTenant<Holder>): void {
    tenant.waiting++;
    this.#await(tenant);
  }

  left(tenant: FlowTenant<Holder>): void {
    tenant.waiting--;
    this.#await(tenant);
  }

  started(tenant: FlowTenant<Holder>, tokens: number, now: number): void {
    tenant.rates?.take(tokens, now);
    this.adopted(tenant, now);
  }

  /** One more of its requests runs, whose rates were taken elsewhere. */
  adopted(tenant: FlowTenant<Holder>, now: number): void {
    tenant.running++;
    this.review(tenant, now);
  }

  ended(tenant: FlowTenant<Holder>, now: number): void {
    tenant.running--;
    this.review(tenant, now);
  }

  /**
   * One of its requests runs in another pool, and counts here as if it ran here. Returns what ends that, with the tokens
   * that it has used.
   */
  lend(flowId: string, tokens: number, now: number): Lent {
    const tenant = this.find(flowId);
    if (tenant === null) return neverLent;
    this.started(tenant, tokens, now);
    return (spentTokens, then) => {
      // The tenant may have lost its rules meanwhile.
      if (this.find(flowId) !== tenant) return;
      if (spentTokens === null) tenant.rates?.giveBackRequest();
      tenant.rates?.correct((spentTokens ?? 0) - tokens, then);
      this.ended(tenant, then);
    };
  }

  /** Returns how long the tenant's rates keep one more request waiting, behind those that wait already. */
  waitMs(flowId: string, now: number): number {
    const tenant = this.find(flowId);
    return tenant?.rates?.waitBehind(tenant.waiting - tenant.aside, now) ?? 0;
  }

  /** Must be called after any change of the tenant's seats or rates. */
  review(tenant: FlowTenant<Holder>, now: number): void {
    const mayStart = tenant.mayStart(now);
    if (mayStart === tenant.isParked) {
      tenant.isParked = !mayStart;
      for (const flow of tenant.backlogged) {
        this.#options.review(flow);
        this.#options.changed(flow);
      }
    }
    this.#await(tenant);
  }

  /** Applies new rules; the running and waiting requests and the used rates of tenants are kept. */
  configure(rules: Tenants, flows: readonly Flow<Holder>[], now: number): void {
    for (const id of this.#tenants.keys()) if (!rules.has(id)) this.#forget(id);
    for (const [id, rule] of rules) {
      const known = this.#tenants.get(id);
      if (known === undefined) this.#tenants.set(id, new Tenant(rule, now));
      else known.configure(rule, now);
    }
    for (const flow of flows) this.#bind(flow);
    for (const tenant of this.#tenants.values()) tenant.isParked = !tenant.mayStart(now);
    // First those that must stand aside: how far the others catch up (fair-flows.ts) is measured when one comes back.
    const backlogged = flows.filter(flow => flow.head !== null);
    for (const flow of backlogged) if (flow.isParked) this.#options.review(flow);
    for (const flow of backlogged) if (!flow.isParked) this.#options.review(flow);
    for (const tenant of this.#tenants.values()) this.#await(tenant);
  }

  emptyBursts(now: number): void {
    for (const tenant of this.#tenants.values()) {
      tenant.rates?.emptyBurst(now);
      this.review(tenant, now);
    }
  }

  #forget(id: string): void {
    const tenant = this.#tenants.get(id);
    if (tenant !== undefined && tenant.slot >= 0) this.#byTime.remove(tenant);
    this.#tenants.delete(id);
  }

  /** Binds the flow of a tenant that had no rules before, with its running and waiting requests. */
  #bind(flow: Flow<Holder>): void {
    const tenant = this.find(flow.id);
    flow.weight = tenant?.rules.weight ?? 1;
    if (flow.tenant === tenant) return;
    flow.tenant = tenant;
    if (tenant === null) return;
    tenant.running += flow.running;
    tenant.waiting += flow.waiting;
    tenant.aside += flow.sides?.held ?? 0;
    if (flow.head !== null) tenant.backlogged.append(flow.amongBacklogged);
  }

  /** Schedules a wake-up iff the tenant has something waiting and only its rates block it. */
  #await(tenant: FlowTenant<Holder>): void {
    const isDue = tenant.isParked && tenant.waiting > 0 && tenant.hasSeat && tenant.rates !== null;
    if (!isDue) {
      if (tenant.slot >= 0) this.#byTime.remove(tenant);
      return;
    }
    const openAt = tenant.rates?.openAt ?? Number.POSITIVE_INFINITY;
    if (tenant.slot >= 0) this.#byTime.update(tenant, openAt);
    else this.#byTime.push(tenant, openAt);
  }
}
