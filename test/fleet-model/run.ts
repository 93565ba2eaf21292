/**
 * `npm run fleet-model`: random walks through every mix of faults, then all states of small fleets. A walk that breaks the
 * rules ends the run with its seed; `--trace` tells that walk event by event.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { mixes } from './mixes.ts';
import { type Search, search } from './small-states.ts';
import { walk } from './walk.ts';

const names = Object.keys(mixes);
const help = `Usage: npm run fleet-model -- [--steps 48000000] [--seed N] [--mix NAME,NAME] [--searches yes|no]
       npm run fleet-model -- --trace --mix NAME --seed N [--every N] [--isolated cut|keep]

Mixes: ${names.join(', ')}.
Exits with 1 at the first walk or search that breaks a rule, and prints how to see it again.`;

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '48000000' },
    seed: { type: 'string', default: '1' },
    mix: { type: 'string', default: '' },
    every: { type: 'string', default: '' },
    isolated: { type: 'string', default: 'cut' },
    searches: { type: 'string', default: 'yes' },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const stepsOfWalk = 20_000;
const searches: readonly Search[] = [
  { members: 2, seats: 1, ticketsOfEach: 1, mostFaults: 2, mostTicks: 8 },
  { members: 3, seats: 1, ticketsOfEach: 1, mostFaults: 1, mostTicks: 6 },
];

function number(name: 'steps' | 'seed' | 'every'): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} takes a whole number above 0`);
  return value;
}

function chosenMixes(): string[] {
  const chosen = values.mix === '' ? names : values.mix.split(',');
  const unknown = chosen.find(name => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--mix takes of ${names.join(', ')}; there is no ${unknown}`);
  return chosen;
}

function isolated(): 'cut' | 'keep' {
  if (values.isolated !== 'cut' && values.isolated !== 'keep') throw new Error('--isolated takes cut or keep');
  return values.isolated;
}

/** Walks differ in how often a fault comes, and in what becomes of the calls of an isolated process. */
const kindOf = (seed: number) => ({
  faultEvery: [250, 120, 60][seed % 3] ?? 250,
  isolated: seed % 4 === 3 ? ('keep' as const) : ('cut' as const),
});

function trace(): boolean {
  const [mix = ''] = chosenMixes();
  const options = { faultEvery: values.every === '' ? 250 : number('every'), isolated: isolated(), isLogged: true };
  const { log, broken } = walk(number('seed'), mix, stepsOfWalk, options);
  for (const line of log) console.log(line);
  console.log(broken ?? 'nothing is broken');
  return broken === null;
}

function walkAll(): boolean {
  const chosen = chosenMixes();
  const walks = Math.ceil(number('steps') / chosen.length / stepsOfWalk);
  let total = 0;
  for (const mix of chosen) {
    const startedAt = performance.now();
    let granted = 0;
    let steps = 0;
    for (let i = 0, seed = number('seed'); i < walks; i++, seed++) {
      const kind = kindOf(seed);
      const walked = walk(seed, mix, stepsOfWalk, kind);
      steps += walked.steps;
      granted += walked.granted;
      if (walked.broken === null) continue;
      console.log(`${mix}, seed ${seed}, step ${walked.steps}: ${walked.broken}`);
      const how = `--mix ${mix} --seed ${seed} --every ${kind.faultEvery} --isolated ${kind.isolated}`;
      console.log(`again, told event by event: npm run fleet-model -- --trace ${how}`);
      return false;
    }
    total += steps;
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    console.log(`${mix.padEnd(20)} ${steps} steps, ${granted} starts, nothing broken, ${seconds} s`);
  }
  console.log(`${total} steps, nothing broken`);
  return true;
}

function searchAll(): boolean {
  return searches.every(options => {
    const { members, seats, ticketsOfEach, mostFaults, mostTicks } = options;
    const what = `${members} members, ${seats} seats, ${ticketsOfEach} ticket each, ${mostFaults} faults, ${mostTicks} ticks`;
    const onLayer = (depth: number, states: number) => {
      if (depth % 20 === 0) console.log(`  ${what}: depth ${depth}, ${states} states`);
    };
    const found = search({ ...options, onLayer });
    for (const line of found.log) console.log(line);
    console.log(
      `${what}: ${found.states} states, ${found.transitions} transitions, ${found.broken ?? 'nothing broken'}`,
    );
    return found.broken === null;
  });
}

function main(): boolean {
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`,
  );
  if (values.trace) return trace();
  console.log(`first seed ${values.seed}`);
  return walkAll() && (values.searches !== 'yes' || searchAll());
}

if (values.help) console.log(help);
else {
  try {
    process.exitCode = main() ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
}
