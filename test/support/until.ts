import { setTimeout as pause } from 'node:timers/promises';

const limitMs = 30_000;

/** Asks again every two milliseconds until the claim is true; fails loudly if it never becomes so. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await claim())) {
    if (performance.now() > deadline) throw new Error(`not so after ${limitMs} ms: ${claim}`);
    await pause(2);
  }
}
