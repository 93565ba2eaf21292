/**
 * Returns the CPU time of this thread: it measures a turn of the event loop independent of other load on the machine.
 */
export const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** Returns the longest turn while `work` runs. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let last = cpuMs();
  const beat = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) setImmediate(beat);
  };
  setImmediate(beat);
  await work();
  isDone = true;
  return longest;
}

/** Runs the steps; returns the longest one, and their result. */
export function longestStep<T>(steps: Generator<void, T>): { value: T; ms: number } {
  for (let ms = 0; ; ) {
    const began = cpuMs();
    const step = steps.next();
    ms = Math.max(ms, cpuMs() - began);
    if (step.done) return { value: step.value, ms };
  }
}
