/** Measures how long `work` takes, and the longest time during it in which nothing else could run. */
export async function longestStall(work: () => Promise<unknown>): Promise<{ durationMs: number; stallMs: number }> {
  let stallMs = 0;
  let isDone = false;
  let last = performance.now();
  const began = last;
  const beat = () => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    last = now;
    if (!isDone) setImmediate(beat);
  };
  setImmediate(beat);
  await work();
  isDone = true;
  const durationMs = performance.now() - began;
  await new Promise(resolve => setImmediate(resolve));
  return { durationMs, stallMs };
}
