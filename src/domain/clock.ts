/** Time as an argument: the parts that wait or measure receive a clock. */
export interface Clock {
  /** Monotonic milliseconds, with fractions; never steps with the wall clock. */
  now(): number;
  /** Wall-clock time, for values that are shown or stored. */
  date(): Date;
  /** Calls `action` once after `delayMs`; the returned function cancels the call. Does not keep the process alive. */
  after(delayMs: number, action: () => void): () => void;
}

/** Converts a time of the clock to the wall-clock time that is shown. */
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
