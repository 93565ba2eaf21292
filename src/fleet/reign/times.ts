/** How long what lasts in a fleet, in milliseconds, each counted by the clock of whoever asks. */
export interface Times {
  /** A row that was not renewed for that long may be taken over; counted by the database. */
  readonly ttlMs: number;
  /** The same for the conductor itself: less, so that its clock may go slower than the database's. */
  readonly reignMs: number;
  /** No answer for that long: the conductor is looked for, and one may stand. */
  readonly lostMs: number;
  /** An answer that is younger proves that its sender has not stood since. */
  readonly heardMs: number;
  /** The conductor frees the seats of a member that was silent for that long. */
  readonly deadAfterMs: number;
  /** The same for the member itself, which is isolated before its seats are freed. */
  readonly isolatedAfterMs: number;
  /** A row that was not renewed for that long may be taken over by strangers. */
  readonly abandonedAfterMs: number;
  /** No reign outlasts its last renewal by more; null: it may for ever. */
  readonly outageMaxMs: number | null;
  /** Time between two renewals of the row. */
  readonly renewEveryMs: number;
  /** A released row is left to each heir for that long before the next one stands. */
  readonly heirMs: number;
}

export interface ConfiguredTimes {
  readonly ttlMs: number;
  readonly deadAfterMs: number;
  readonly abandonedAfterMs: number;
  readonly outageMaxMs: number | null;
}

/** Error of both clocks and one late turn of a timer. */
const margin = 0.9;
/** Of short times a tenth is less than that: two turns of the timer, and what clocks differ by. */
const turnsMs = 1_000;
const clocksAgree = 0.97;

export const timesOf = (configured: ConfiguredTimes): Times => ({
  ...configured,
  reignMs: configured.ttlMs * margin,
  lostMs: 2_000,
  heardMs: 2_000 * margin,
  isolatedAfterMs: Math.min(configured.deadAfterMs * margin, (configured.deadAfterMs - turnsMs) * clocksAgree),
  renewEveryMs: 1_000,
  heirMs: 500,
});

/** Time since `at`; null is never. */
export const since = (at: number | null, now: number): number => (at === null ? Number.POSITIVE_INFINITY : now - at);
