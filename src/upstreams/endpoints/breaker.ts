/**
 * When an endpoint gets no requests because its last ones have failed. Pure: `now` and the random numbers are arguments.
 *
 *   closed ──3 failures in a row, or half of the last 20──▶ open ──its time is over──▶ due for a probe
 *     ▲                                                       ▲                            │
 *     └───────────── the probe succeeds ──────────────────────┼────────────────────────────┤
 *                                                             └──── it fails: twice as long┘
 *
 * One tenant whose requests break every connection is no outage. Where most failures are those of one flow, the breaker
 * asks for a probe without a body before it opens.
 */
const inARow = 3;
const remembered = 20;
const firstOpenMs = 1_000;
const longestOpenMs = 5_000;
/** An endpoint that has been up for so long begins with the shortest time again. */
const provenMs = 5_000;

/** A failure's flow; null: nobody's requests have caused it. */
type Flow = string | null;
const served = Symbol('served');

export class Breaker {
  readonly #random: () => number;
  /** The ends of the last calls, the oldest at #next. */
  readonly #ends: (Flow | typeof served)[] = [];
  #next = 0;
  #failed = 0;
  #streak = 0;
  #openUntil: number | null = null;
  #closedAt = Number.NEGATIVE_INFINITY;
  #openings = 0;

  /** `random`: from 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The moment of the next probe; null: it is closed. */
  get openUntil(): number | null {
    return this.#openUntil;
  }

  /** On the request path. */
  succeeded(): void {
    this.#streak = 0;
    this.#remember(served);
  }

  /** Whether to open now, to probe first because one flow alone may be the cause, or neither. */
  failed(flow: Flow): 'open' | 'probe' | null {
    this.#streak++;
    this.#remember(flow);
    const recent = this.#streak >= inARow ? this.#lastFailures(this.#streak) : [];
    const all = this.#failed * 2 >= remembered ? this.#lastFailures(remembered) : [];
    if (recent.length + all.length === 0) return null;
    return isOneFlow(recent) && isOneFlow(all) ? 'probe' : 'open';
  }

  /** Opens, for longer the more often it had to lately. The jitter only shortens. */
  open(now: number): void {
    if (this.#openUntil === null && now - this.#closedAt >= provenMs) this.#openings = 0;
    const ms = Math.min(firstOpenMs * 2 ** this.#openings, longestOpenMs);
    if (ms < longestOpenMs) this.#openings++;
    this.#openUntil = now + ms * (0.75 + this.#random() / 4);
  }

  /** Forgets all failures. */
  close(now: number): void {
    if (this.#openUntil !== null) this.#closedAt = now;
    this.#openUntil = null;
    this.#ends.length = 0;
    this.#next = 0;
    this.#failed = 0;
    this.#streak = 0;
  }

  #remember(end: Flow | typeof served): void {
    const dropped = this.#ends[this.#next];
    if (dropped !== undefined && dropped !== served) this.#failed--;
    if (end !== served) this.#failed++;
    this.#ends[this.#next] = end;
    this.#next = (this.#next + 1) % remembered;
  }

  /** The flows of the failures among so many of the last ends. */
  #lastFailures(count: number): Flow[] {
    const failures: Flow[] = [];
    for (let back = 1; back <= Math.min(count, remembered); back++) {
      const end = this.#ends[(this.#next - back + remembered) % remembered];
      if (end !== undefined && end !== served) failures.push(end);
    }
    return failures;
  }
}

/** Whether one flow alone has made more than half of these failures; there may be none. */
function isOneFlow(failures: readonly Flow[]): boolean {
  if (failures.length === 0) return true;
  const counts = Map.groupBy(failures, flow => flow);
  return [...counts].some(([flow, own]) => flow !== null && own.length * 2 > failures.length);
}
