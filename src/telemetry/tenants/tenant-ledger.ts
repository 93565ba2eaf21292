/**
 * The counts of the busiest tenants, each by its name, and of all others together, as counters that never go back.
 *
 * A request is counted once, when it is told: for its tenant if that is shown at this moment, else for the others. So a
 * tenant that is no longer shown takes nothing with it and leaves nothing behind: its series stops, that of the others
 * goes on from where it was, and when it is shown again its series goes on too. The sum of all series grows by exactly what
 * was told, as long as a tenant is remembered; one that was forgotten begins anew at 0, as after a restart.
 *
 * Who is busiest is decided once a minute, by the business of the last minutes. A tenant that is shown stays unless another
 * one has half as much again, so that two of about the same business do not take turns.
 */
import type { Clock } from '../../domain/clock.ts';
import { addCounts, noCounts, type TenantCounts } from './tenant-counts.ts';
import { type CountedTenant, otherTenants } from './tenant-tally.ts';

/** The most tenants that are remembered, shown or not. */
const mostRemembered = 4096;
const rankEveryMs = 60_000;
/** What a request counts for half as much after. */
const halfLifeMs = 600_000;
const stayFactor = 1.5;

interface Entry {
  readonly tenant: string;
  /** While it is shown. */
  readonly counts: TenantCounts;
  business: number;
  isShown: boolean;
}

export class TenantLedger {
  readonly #most: number;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #others = noCounts();
  #shown = 0;
  #rankedAt: number;

  /** `most`: as many tenants are shown. */
  constructor(most: number, clock: Clock) {
    this.#most = most;
    this.#clock = clock;
    this.#rankedAt = clock.now();
  }

  absorb(told: readonly CountedTenant[]): void {
    for (const { tenant, counts } of told) {
      const entry = this.#entryOf(tenant);
      if (entry !== null) entry.business += counts.business;
    }
    const sinceMs = this.#clock.now() - this.#rankedAt;
    if (sinceMs >= rankEveryMs || this.#shown < this.#most) this.#rank(sinceMs);
    for (const { tenant, counts } of told) {
      const entry = this.#entries.get(tenant);
      addCounts(entry?.isShown ? entry.counts : this.#others, counts);
    }
  }

  /** Those that are shown, and the others; at most one more than are shown. */
  all(): CountedTenant[] {
    const shown = [...this.#entries.values()].filter(({ isShown }) => isShown);
    return [...shown, { tenant: otherTenants, counts: this.#others }];
  }

  /** Null: it is one of the others, by its name or because no more can be remembered. */
  #entryOf(tenant: string): Entry | null {
    const known = this.#entries.get(tenant);
    if (known !== undefined) return known;
    if (tenant === otherTenants || this.#entries.size >= mostRemembered) return null;
    const entry = { tenant, counts: noCounts(), business: 0, isShown: false };
    this.#entries.set(tenant, entry);
    return entry;
  }

  #rank(sinceMs: number): void {
    this.#rankedAt += sinceMs;
    const faded = 0.5 ** (sinceMs / halfLifeMs);
    for (const entry of this.#entries.values()) entry.business *= faded;
    const busiest = [...this.#entries.values()].sort((a, b) => weightOf(b) - weightOf(a));
    for (const [place, entry] of busiest.entries()) entry.isShown = place < this.#most;
    this.#shown = Math.min(busiest.length, this.#most);
    // Half of them, so that newcomers find room until the next time.
    if (busiest.length < mostRemembered) return;
    for (const { tenant } of busiest.slice(mostRemembered / 2)) this.#entries.delete(tenant);
  }
}

const weightOf = ({ business, isShown }: Entry): number => business * (isShown ? stayFactor : 1);
