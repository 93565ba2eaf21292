/**
 * Returns the CPU time of this thread: it measures a turn of the event loop independent of other load on the machine.
 */
export const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

/** A look at each turn would keep a core busy for as long as the work waits. */
const beatMs = 2;

/** Returns the longest turn while `work` runs, to within the beat: it may include what was done just before and after. */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = cpuMs();
  const beat = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const beats = setInterval(beat, beatMs);
  try {
    await work();
  } finally {
    clearInterval(beats);
  }
  beat();
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
