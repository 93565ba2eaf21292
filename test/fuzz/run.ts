/**
 * `npm run fuzz`: sends valid inputs after random changes to every parser and every edge. A finding ends the run with
 * its seed and its input; the same seed finds it again.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../../bench/sim/random.ts';
import { adminOperations } from './admin-operations.ts';
import { type Campaign, Finding } from './campaign.ts';
import { fleetLink } from './fleet-link.ts';
import { httpEdge } from './http-edge.ts';
import { parsers } from './parsers.ts';
import { upstreamAnswers } from './upstream-answers.ts';

const campaigns: readonly Campaign[] = [parsers, httpEdge, upstreamAnswers, adminOperations, fleetLink];
const names = campaigns.map(({ name }) => name).join(', ');

const help = `Usage: npm run fuzz -- [--seconds 600] [--seed N] [--only NAME,NAME]

Campaigns: ${names}.
Exits with 1 at the first finding, which it writes to a file; --seed with the seed of the step runs that step again.`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const chosen = campaigns.filter(({ name }) => values.only === '' || values.only.split(',').includes(name));
  if (chosen.length === 0) throw new Error(`--only takes of ${names}`);
  if (!(Number(values.seconds) > 0) || !Number.isSafeInteger(Number(values.seed)))
    throw new Error('--seconds takes a number above 0, --seed a whole number');
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
  );
  console.log(`seed ${values.seed}`);
  let total = 0;
  for (const campaign of chosen) {
    total += await runFor(campaign, (Number(values.seconds) * 1_000 * campaign.share) / shares);
  }
  console.log(`${total} cases, nothing found`);
}

async function runFor(campaign: Campaign, ms: number): Promise<number> {
  const running = await campaign.start();
  const startedAt = performance.now();
  let cases = 0;
  // Each step has its own seed; the first one has the given seed.
  for (let seed = Number(values.seed); performance.now() - startedAt < ms; seed++) {
    try {
      cases += await running.step(new Random(seed));
    } catch (error) {
      tell(campaign, seed, error);
      await running.stop().catch(() => {});
      process.exit(1);
    }
  }
  await running.stop();
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(`${campaign.name.padEnd(18)} ${String(cases).padStart(8)} cases in ${seconds.toFixed(0)} s`);
  return cases;
}

function tell({ name }: Campaign, seed: number, error: unknown): void {
  console.log(`\nFOUND in ${name}; again by: npm run fuzz -- --only ${name} --seconds 1 --seed ${seed}`);
  if (error instanceof Finding) {
    const file = join(mkdtempSync(join(tmpdir(), 'fuzz-')), 'input');
    writeFileSync(file, error.input);
    console.log(`the input, ${error.input.length} bytes, is in ${file}`);
  }
  console.log(error);
}

if (values.help) console.log(help);
else await main();
