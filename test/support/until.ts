import { setTimeout as pause } from 'node:timers/promises';

const limitMs = 30_000;

/** Checks the claim every few milliseconds until it is true; fails loudly if it never is. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await claim())) {
    const waitedMs = performance.now() - start;
    if (waitedMs > limitMs) throw new Error(`not so after ${limitMs} ms: ${claim}`);
    // A claim is often a request: what takes long is asked for less often.
    await pause(Math.min(10, Math.max(2, waitedMs / 10)));
  }
}
