/**
 * A tenant with limits or a weight of its own, over all levels of the pool. While it may not start anything its flows
 * are parked: they are in no heap, so no other flow waits for them.
 */
import { Ring } from '../../domain/structures/ring.ts';
import { Rates } from '../capacity/rate.ts';
import type { TenantRules } from '../rules.ts';

export class Tenant<Flow> {
  rules: TenantRules;
  rates: Rates | null;
  running = 0;
  waiting = 0;
  /** The number of them that stand aside because the upstream has closed their target. */
  aside = 0;
  /** Its flows stand aside. Not up to date for a tenant with nothing waiting. */
  isParked = false;
  /** Its flows with something waiting. */
  readonly backlogged = new Ring<Flow>();
  // Its item in the heap of those that wait for their rate.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(rules: TenantRules, now: number) {
    this.rules = rules;
    this.rates = Rates.of(rules, null, now);
  }

  configure(rules: TenantRules, now: number): void {
    this.rules = rules;
    this.rates = Rates.of(rules, this.rates, now);
  }

  get hasSeat(): boolean {
    return this.rules.maxConcurrent === null || this.running < this.rules.maxConcurrent;
  }

  get hasRoom(): boolean {
    return this.rules.maxQueueDepth === null || this.waiting < this.rules.maxQueueDepth;
  }

  mayStart(now: number): boolean {
    return this.hasSeat && (this.rates === null || this.rates.isOpen(now));
  }
}
