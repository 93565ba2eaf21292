/**
 * Runs `work` one at a time: one running, at most one waiting. Whoever calls while it runs shares the
 * one run that begins after the call, so the answer is never older than the question.
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
