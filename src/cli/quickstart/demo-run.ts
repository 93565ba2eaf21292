import { setTimeout as pause } from 'node:timers/promises';
import { clientsPerTenant, type DemoTenant, startDemo, type Tally } from './demo.ts';
import { createBoard, duration, percentile, type Screen } from './demo-board.ts';

interface DemoRun {
  readonly url: string;
  readonly tenants: readonly DemoTenant[];
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly screen: Screen;
}

const liveEveryMs = 500;
const plainEveryMs = 4_000;

/** Sends load and shows, live and at the end, how long each tenant waits. Resolves to whether all went as expected. */
export async function runDemo({ url, tenants, seconds, signal, screen }: DemoRun): Promise<boolean> {
  const { tallies, over } = startDemo({ url, tenants, durationMs: seconds * 1_000, signal, random: Math.random });
  const board = createBoard(screen);
  const clients = `${tenants.length} tenants, ${clientsPerTenant} clients each`;
  const startedAt = performance.now();
  const finished = new AbortController();
  const drawing = every(screen.inPlace ? liveEveryMs : plainEveryMs, finished.signal, () => {
    const passed = (performance.now() - startedAt) / 1_000;
    const stage = passed < seconds ? `${passed.toFixed(screen.inPlace ? 1 : 0)} of ${seconds} s` : 'answering the rest';
    board.draw(`Demo, ${stage}: ${clients}`, tallies);
  });
  await over;
  finished.abort();
  await drawing;
  if (signal.aborted) {
    // Other output may follow the last board by now.
    if (!screen.inPlace) board.draw(`Demo stopped: ${clients}`, tallies);
    return true;
  }
  board.draw(`Demo over after ${seconds} s: ${clients}`, tallies);
  screen.write(`\n${conclusion(tallies)}\n`);
  return tallies.every(({ served, failed }) => served > 0 && failed === 0);
}

async function every(ms: number, signal: AbortSignal, act: () => void): Promise<void> {
  for (;;) {
    await pause(ms, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    act();
  }
}

function conclusion(tallies: readonly Tally[]): string {
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  const served = tallies.reduce((sum, tally) => sum + tally.served, 0);
  const reason = tallies.find(({ failure }) => failure !== null)?.failure;
  const all =
    failed === 0 ? `All ${served} requests were served.` : `${served} requests were served, ${failed} not (${reason}).`;
  const byLevel = tallies.filter(({ level }) => level !== null).toSorted((a, b) => Number(a.level) - Number(b.level));
  const [best, worst] = [byLevel.at(0), byLevel.at(-1)];
  if (!best || !worst) return all;
  return `${all}\nWait in the median: ${median(best)}, ${median(worst)}.`;
}

const median = ({ tenant, level, waitsMs }: Tally): string =>
  `P${level} (${tenant}) ${duration(percentile(waitsMs, 0.5))}`;
