import { setTimeout as pause } from 'node:timers/promises';

const limitMs = 30_000;

/** Checks the claim every two milliseconds until it is true; fails loudly if it never is. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await claim())) {
    if (performance.now() > deadline) throw new Error(`not so after ${limitMs} ms: ${claim}`);
    await pause(2);
  }
}
