/**
 * How long this thread works at a stretch, in CPU time: what a turn of the event loop takes when nothing else keeps
 * the machine busy, and so the same on a busy one.
 */
export const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** The longest turn while `work` goes on. */
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

/** The longest step, and what comes of all of them. */
export function longestStep<T>(steps: Generator<void, T>): { value: T; ms: number } {
  for (let ms = 0; ; ) {
    const began = cpuMs();
    const step = steps.next();
    ms = Math.max(ms, cpuMs() - began);
    if (step.done) return { value: step.value, ms };
  }
}
