import type { Clock } from '../../domain/clock.ts';
import { Breaker } from './breaker.ts';
import type { Failure } from './failure.ts';

/**
 * The states of an endpoint. Drained by hand goes before all others, which continue beneath it.
 *
 *   up ──the breaker opens──▶ down ──its time is over──▶ probing ──an answer──▶ up, with few seats at first
 *                              ▲                            │
 *                              └─────────── none ───────────┘
 */
export type EndpointState = 'up' | 'probing' | 'down' | 'drained';

/** Beside nothing else an endpoint keeps its seats, and the requests themselves are the probes. */
export interface HealthParts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether its provider has no other. */
  readonly isLone: () => boolean;
  /** Asks the endpoint something without a body. Resolves to what is wrong; null: it has answered. Never rejects. */
  readonly probe: () => Promise<string | null>;
  /** Whether `probe` may be sent although requests go there anyway. */
  readonly isChecked: boolean;
  /** Its share of its seats, or its state, has changed. */
  readonly onChange: () => void;
  /** It is down after it was up, or the other way round. */
  readonly onTurn: (isUp: boolean, why: string | null) => void;
}

const slowStartMs = 5_000;
const slowSteps = 10;
const checkEveryMs = 5_000;
/** Poison requests, however many come, cause no more probes than this. */
const probeGapMs = 1_000;

/** Whether one endpoint gets requests, by what its calls and probes have met. */
export class EndpointHealth {
  readonly #parts: HealthParts;
  readonly #breaker: Breaker;
  #state: Exclude<EndpointState, 'drained'> = 'up';
  #drainedAt: number | null = null;
  #since: number;
  #why: string | null = null;
  /** The steps of the slow start that are over. */
  #steps = slowSteps;
  #isProbing = false;
  #mayProbeAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  #isChecked: boolean;
  #cancelTurn = () => {};
  #cancelCheck = () => {};

  constructor(parts: HealthParts) {
    this.#parts = parts;
    this.#breaker = new Breaker(parts.random);
    this.#since = parts.clock.now();
    this.#isChecked = parts.isChecked;
    if (parts.isChecked) this.#checkAfter(checkEveryMs * parts.random());
  }

  get state(): EndpointState {
    return this.#drainedAt === null ? this.#state : 'drained';
  }

  get #isUp(): boolean {
    return this.#state === 'up';
  }

  /** By the clock. */
  get since(): number {
    return this.#drainedAt ?? this.#since;
  }

  get why(): string | null {
    return this.#drainedAt === null ? this.#why : 'drained by hand';
  }

  /** How much of its seats it may use, 0 to 1. */
  get share(): number {
    if (this.#drainedAt !== null) return 0;
    if (this.#parts.isLone()) return 1;
    return this.#state === 'up' ? this.#steps / slowSteps : 0;
  }

  /** The moment of the next probe; null: none is planned. */
  get probeAt(): number | null {
    return this.#breaker.openUntil;
  }

  /** On the request path. */
  succeeded(): void {
    if (this.#state === 'up') this.#breaker.succeeded();
    else if (this.#parts.isLone()) this.#comeUp();
  }

  /** `flow`: whose request it was. A request cannot be the reason that no connection is made. */
  failed(failure: Failure, flow: string, why: string): void {
    // The upstream may close a connection whenever it is idle.
    if (failure === 'reused' || this.#state !== 'up') return;
    const word = this.#breaker.failed(failure === 'connect' || failure === 'tls' ? null : flow);
    if (word === 'open') this.#goDown(why);
    else if (word === 'probe') void this.#probeDoubted();
  }

  drain(): void {
    if (this.#drainedAt !== null) return;
    this.#drainedAt = this.#parts.clock.now();
    this.#parts.onChange();
  }

  resume(): void {
    if (this.#drainedAt === null) return;
    this.#drainedAt = null;
    if (this.#isUp) this.#since = this.#parts.clock.now();
    if (this.#isUp && !this.#parts.isLone()) this.#slowStart();
    else this.#parts.onChange();
  }

  /** A new one beside others begins with few seats, as one that comes up. */
  startSlowly(): void {
    this.#slowStart();
  }

  /** To be called when another endpoint has come or gone: a lone one is not probed. */
  neighboursChanged(): void {
    if (this.#state === 'down') this.#awaitProbe();
  }

  /** No more checks, as the process is about to end. */
  stopChecks(): void {
    this.#isChecked = false;
    this.#cancelCheck();
  }

  stop(): void {
    this.#isStopped = true;
    this.stopChecks();
    this.#cancelTurn();
  }

  #goDown(why: string): void {
    this.#breaker.open(this.#parts.clock.now());
    this.#enter('down', why);
    this.#awaitProbe();
    this.#parts.onChange();
  }

  #awaitProbe(): void {
    this.#cancelTurn();
    if (this.#isStopped || (this.#parts.isLone() && !this.#parts.isChecked)) return;
    const { clock } = this.#parts;
    const inMs = Math.max(0, (this.#breaker.openUntil ?? 0) - clock.now());
    this.#cancelTurn = clock.after(inMs, () => void this.#probeDown());
  }

  async #probeDown(): Promise<void> {
    // Also where a check is under way: it began before the endpoint went down, and decides nothing.
    if (this.#state !== 'down') return;
    this.#enter('probing', this.#why);
    const fault = await this.#probe();
    // A request may have been answered meanwhile.
    if (this.#isStopped || this.#isUp) return;
    if (fault === null) this.#comeUp();
    else this.#goDown(fault);
  }

  /** It is up, but all that fails comes from one flow. */
  async #probeDoubted(): Promise<void> {
    const { clock, isLone, isChecked } = this.#parts;
    const now = clock.now();
    if (this.#isProbing || now < this.#mayProbeAt || (isLone() && !isChecked)) return;
    this.#mayProbeAt = now + probeGapMs;
    const fault = await this.#probe();
    if (this.#isStopped || !this.#isUp) return;
    if (fault === null) this.#breaker.close(clock.now());
    else this.#goDown(fault);
  }

  async #check(): Promise<void> {
    if (this.#isUp && !this.#isProbing) {
      const fault = await this.#probe();
      // Otherwise the state has changed meanwhile, by what requests have met.
      if (this.#isUp && fault === null) this.#breaker.succeeded();
      else if (this.#isUp && fault !== null && this.#breaker.failed(null) !== null) this.#goDown(fault);
    }
    this.#checkAfter(checkEveryMs);
  }

  #checkAfter(ms: number): void {
    if (this.#isChecked) this.#cancelCheck = this.#parts.clock.after(ms, () => void this.#check());
  }

  async #probe(): Promise<string | null> {
    this.#isProbing = true;
    try {
      return await this.#parts.probe();
    } finally {
      this.#isProbing = false;
    }
  }

  #comeUp(): void {
    this.#breaker.close(this.#parts.clock.now());
    this.#enter('up', null);
    if (!this.#parts.isLone()) {
      this.#slowStart();
      return;
    }
    this.#steps = slowSteps;
    this.#parts.onChange();
  }

  #slowStart(): void {
    this.#cancelTurn();
    this.#steps = 1;
    this.#parts.onChange();
    this.#awaitStep();
  }

  #awaitStep(): void {
    if (this.#isStopped || this.#steps >= slowSteps) return;
    this.#cancelTurn = this.#parts.clock.after(slowStartMs / slowSteps, () => {
      this.#steps++;
      this.#parts.onChange();
      this.#awaitStep();
    });
  }

  #enter(state: Exclude<EndpointState, 'drained'>, why: string | null): void {
    const isTurn = (state === 'up') !== this.#isUp;
    // Of an outage its begin is told, through all its probes.
    if (isTurn) this.#since = this.#parts.clock.now();
    this.#state = state;
    this.#why = why;
    if (isTurn) this.#parts.onTurn(state === 'up', why);
  }
}
