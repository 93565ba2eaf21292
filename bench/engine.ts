/**
 * How soon does an urgent request get its first token from a real engine, llama.cpp, that is busy with 16 clients:
 * straight at its queue, through the gateway, and with a seat reserved for P0?
 *
 *   npm run bench -- engine [rounds=5] [seconds=15]     measured seconds of each round and case
 *
 * Installs node-llama-cpp into a temporary folder once, 83 MB of the npm registry. The model is 11 MB of random weights.
 */

import { engineSeats, startEngine } from './engine/engine-process.ts';
import { install, NoEngine, onThisMachine, version } from './engine/install.ts';
import {
  type Answer,
  askAlone,
  batch,
  batchClients,
  type EngineResult,
  loadEngine,
  type Target,
  urgent,
  urgentEveryMs,
  warmUpMs,
} from './engine/load.ts';
import { table } from './sim/table.ts';
import { startTeamGateway, type TeamGateway } from './support/gateway-process.ts';
import { percentile, shown } from './support/rounds.ts';
import { createClasses, poolSections, untilIdle } from './support/saturation-cases.ts';

interface Options {
  readonly rounds?: number;
  readonly seconds?: number;
}

interface Case {
  readonly title: string;
  readonly target: Target;
  /** p50 and p95 of the first token as once measured by hand, in ms. */
  readonly byHand: string;
  readonly alone: Answer[];
  readonly results: EngineResult[];
}

/** Requests of each case and round while nothing else is asked. */
const aloneEachRound = 10;

export async function run({ rounds = 5, seconds = 15 }: Options = {}): Promise<void> {
  try {
    await install(onThisMachine(console.log));
  } catch (error) {
    if (!(error instanceof NoEngine)) throw error;
    console.error(error.message);
    process.exitCode = 1;
    return;
  }
  tellSetting(rounds, seconds);
  const engine = await startEngine();
  const gateway = await startTeamGateway(poolSections(engine.url, { seats: engineSeats, reserved: 1 }));
  try {
    const cases = await casesOf(engine.url, gateway);
    for (let round = 1; round <= rounds; round++) {
      for (const each of cases) await runRound(each, gateway, round, seconds);
    }
    tellResults(cases);
  } finally {
    await gateway.stop();
    await engine.stop();
  }
}

function tellSetting(rounds: number, seconds: number): void {
  const minutes = Math.ceil((rounds * 3 * (seconds + warmUpMs / 1000 + 3)) / 60);
  console.log(`node-llama-cpp ${version}, 1 thread, ${engineSeats} sequences; ${batchClients} clients of P9 without a`);
  console.log(`pause (${sizeOf(batch)}), P0 each ${urgentEveryMs} ms (${sizeOf(urgent)});`);
  console.log(`${rounds} rounds of ${seconds} s, the cases in turns: takes about ${minutes} minutes\n`);
}

const sizeOf = ({ words, maxTokens }: typeof batch): string =>
  `prompt of ${words} words, answer of ${maxTokens} tokens`;

async function casesOf(engineUrl: string, gateway: TeamGateway): Promise<Case[]> {
  const keyOf = await createClasses(gateway);
  const keys = { urgentKey: keyOf('tok_urgent'), batchKey: keyOf('tok_batch') };
  const target = (url: string, model: string): Target => ({ ...keys, url, model });
  const empty = () => ({ alone: [], results: [] });
  return [
    { title: 'straight at the engine', target: target(engineUrl, 'plain'), byHand: '2494 / 2677', ...empty() },
    { title: 'through the gateway', target: target(gateway.url, 'plain'), byHand: '133 / 225', ...empty() },
    { title: '… 1 of 2 seats reserved', target: target(gateway.url, 'reserve'), byHand: '65 / 213', ...empty() },
  ];
}

async function runRound(each: Case, gateway: TeamGateway, round: number, seconds: number): Promise<void> {
  for (let nth = 0; nth < aloneEachRound; nth++) each.alone.push(await askAlone(each.target, nth));
  const result = await loadEngine({ ...each.target, seed: round, seconds });
  each.results.push(result);
  await untilIdle(gateway);
  console.log(
    `  round ${round}, ${each.title}: ${percentilesOf(result.firstTokenMs)} ms, P9 ${result.batchPerSecond.toFixed(2)}/s`,
  );
}

function tellResults(cases: readonly Case[]): void {
  const head = ['P0 to its first token, ms', 'alone p50', 'p50 / p95', 'of', '×', 'by hand', 'answers to P9', 'tokens'];
  const straight = percentile(firstTokens(cases[0]?.results ?? []), 0.5);
  const lines = cases.map(({ title, alone, results, byHand }) => [
    title,
    percentile(firstTokens(alone), 0.5).toFixed(1),
    percentilesOf(firstTokens(results)),
    String(firstTokens(results).length),
    (percentile(firstTokens(results), 0.5) / straight).toFixed(3),
    byHand,
    shown(
      results.map(({ batchPerSecond }) => batchPerSecond),
      '/s',
      2,
    ),
    shown(
      results.map(({ tokensPerSecond }) => tokensPerSecond),
      '/s',
      0,
    ),
  ]);
  console.log(`\n${table(head, lines, [1, 2, 3, 4, 5, 6, 7])}`);
  tellTexts(cases);
}

const firstTokens = (of: readonly (Answer | EngineResult)[]): number[] =>
  of.flatMap(({ firstTokenMs }) => firstTokenMs);

/** The engine takes the best token each time, so the gateway must not change a single one. */
function tellTexts(cases: readonly Case[]): void {
  const texts = cases.map(({ alone }) => alone.map(({ text }) => text).join('\n'));
  const isSame = texts.every(text => text === texts[0]);
  console.log(`\n${isSame ? 'met   ' : 'MISSED'} the same prompts have the same answers on and off of the gateway`);
  if (!isSame) process.exitCode = 1;
}

const percentilesOf = (samples: readonly number[]): string =>
  [0.5, 0.95].map(share => percentile(samples, share).toFixed(0)).join(' / ');
