import { test } from 'node:test';
import { Random } from '../../bench/sim/random.ts';
import { parsers } from '../fuzz/parsers.ts';

/** As many inputs as take about a second; `npm run fuzz` tries others for ten minutes. */
const steps = 150;

test('every parser that meets bytes of strangers ends in bounded time, wherever its input is cut, and fails only as it says', async () => {
  const running = await parsers.start();
  for (let seed = 1; seed <= steps; seed++) await running.step(new Random(seed));
  await running.stop();
});
