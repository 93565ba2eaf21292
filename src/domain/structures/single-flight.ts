/**
 * Runs `work` one at a time: one running, at most one waiting. A call during a run shares the run that begins after the
 * call, so the result is never older than the call.
 */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null;
  let waiting: Promise<T> | null = null;
  const start = (): Promise<T> => {
    waiting = null;
    running = work().finally(() => {
      running = null;
    });
    return running;
  };
  return () => {
    if (waiting) return waiting;
    if (!running) return start();
    waiting = running.then(start, start);
    return waiting;
  };
}
