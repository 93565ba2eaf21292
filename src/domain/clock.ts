/** Time as an argument: the parts that wait or measure are handed one of these. */
export interface Clock {
  /** Monotonic milliseconds, with fractions; never steps with the wall clock. */
  now(): number;
  /** Wall-clock time, for what is shown or stored. */
  date(): Date;
  /** Calls `action` once after `delayMs`; the answer cancels it. Does not keep the process alive. */
  after(delayMs: number, action: () => void): () => void;
}

/** The wall-clock time of a moment of the clock's own, as it is shown. */
export const momentOf = (clock: Clock, time: number): string =>
  new Date(clock.date().getTime() + time - clock.now()).toISOString();

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
