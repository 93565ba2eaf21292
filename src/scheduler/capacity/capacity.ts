/** The resources of the pool: seats by level, tokens in flight, rates, and a gate that the upstream may close. */
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import type { SchedulerSettings } from '../rules.ts';
import { Aimd } from './aimd.ts';
import { Rates } from './rate.ts';
import { Seats } from './seats.ts';

interface Held {
  readonly level: Level;
  readonly tokens: number;
}

/** What runs at an endpoint. */
interface AtEndpoint {
  readonly inUseBy: Int32Array;
  readonly tokens: number;
}

export class Capacity {
  readonly seats = new Seats();
  tokensInFlight = 0;
  closedUntil = Number.NEGATIVE_INFINITY;
  #settings: SchedulerSettings;
  readonly #aimd: Aimd;
  #rates: Rates | null = null;
  /** The most seats in use that the caller allows. */
  #budget = Number.POSITIVE_INFINITY;
  /** The seats of the endpoints that take requests. */
  #atEndpoints = Number.POSITIVE_INFINITY;

  constructor(settings: SchedulerSettings) {
    this.#settings = settings;
    this.#aimd = new Aimd(settings.seats);
  }

  configure(settings: SchedulerSettings, now: number): void {
    this.#settings = settings;
    this.#aimd.configure(settings.seats);
    if (!settings.aimd) this.#aimd.reset();
    this.#rates = Rates.of(settings, this.#rates, now);
    this.#applySeats();
  }

  /** Allows at most this many seats in use; null: all that there are. */
  holdBack(seats: number | null): void {
    this.#budget = seats ?? Number.POSITIVE_INFINITY;
    this.#applySeats();
  }

  /** Allows no more seats in use than the endpoints have that take requests. */
  limitTo(seats: number): void {
    if (seats === this.#atEndpoints) return;
    this.#atEndpoints = seats;
    this.#applySeats();
  }

  /** The requests at an endpoint count again (1), or count no more (-1), as in use and in flight. */
  count({ inUseBy, tokens }: AtEndpoint, sign: 1 | -1): void {
    for (const level of allLevels) this.seats.add(level, sign * (inUseBy[level] ?? 0));
    this.tokensInFlight = this.seats.inUse === 0 ? 0 : this.tokensInFlight + sign * tokens;
  }

  /** Closes the gate; returns the time until which it is closed now. */
  closeUntil(time: number): number {
    this.closedUntil = Math.max(this.closedUntil, time);
    return this.closedUntil;
  }

  upstreamDropped(): void {
    if (!this.#settings.aimd || this.#atEndpoints === 0) return;
    this.#aimd.dropped(this.#atEndpoints);
    this.#applySeats();
  }

  upstreamServed(): void {
    if (!this.#settings.aimd) return;
    this.#aimd.served(this.seats.inUse);
    if (this.#limit !== this.seats.limit) this.#applySeats();
  }

  isOpen(now: number): boolean {
    return now >= this.closedUntil && (this.#rates === null || this.#rates.isOpen(now));
  }

  /** The time at which the gate opens; `now` or earlier if it is open. */
  openAt(now: number): number {
    return Math.max(this.closedUntil, this.#rates?.openAt ?? now);
  }

  /** Whether a request with so many tokens can never fit. */
  isImpossible(tokens: number): boolean {
    return tokens > (this.#settings.maxTokensInFlight ?? Number.POSITIVE_INFINITY);
  }

  /** A request that was queued before the limit was lowered below its size fits when it is alone. */
  fits(tokens: number): boolean {
    const most = this.#settings.maxTokensInFlight;
    return most === null || this.tokensInFlight + tokens <= most || this.seats.inUse === 0;
  }

  take({ level, tokens }: Held, now: number): void {
    this.seats.take(level);
    this.tokensInFlight += tokens;
    this.#rates?.take(tokens, now);
  }

  /** For a request whose rates were taken elsewhere. */
  adopt({ level, tokens }: Held): void {
    this.seats.take(level);
    this.tokensInFlight += tokens;
  }

  free({ level, tokens }: Held): void {
    this.seats.free(level);
    // Estimates may be fractions; rounding errors must not add up.
    this.tokensInFlight = this.seats.inUse === 0 ? 0 : this.tokensInFlight - tokens;
  }

  /** Corrects the tokens of a request to more or (negative) fewer than were taken. */
  correct(tokens: number, now: number): void {
    this.#rates?.correct(tokens, now);
  }

  emptyBurst(now: number): void {
    this.#rates?.emptyBurst(now);
  }

  giveBackRequest(): void {
    this.#rates?.giveBackRequest();
  }

  get #limit(): number {
    return Math.min(this.#aimd.limit, this.#budget, this.#atEndpoints);
  }

  #applySeats(): void {
    this.seats.configure(this.#settings, this.#limit);
  }
}
