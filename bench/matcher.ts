/** How much does a lookup cost: of a key seen before, against a bare Map.get, and of a new one? */
import { compile, compileRow, type MappingSource, type Snapshot } from '../src/priority/matching/matcher.ts';
import { mappingMix, randomKey } from './support/mapping-mix.ts';
import { interleaved, shown, spread } from './support/rounds.ts';

export const name = 'matcher';

const rounds = 20;
const keysPerRound = 20_000;
const keysPerBatch = 100;
const knownKeys = 1_000;

export async function run(): Promise<void> {
  const known = Array.from({ length: knownKeys }, (_, index) => randomKey(index));
  const mixed = snapshotOf(mappingMix(10_000));
  const prefixes = snapshotOf(mappingMix(10_000, 'prefix'));
  const bare = new Map(known.map((key, index) => [key, index]));
  const knownSample = Array.from({ length: keysPerRound }, (_, at) => known[(at * 7919) % known.length] ?? '');
  let drawn = known.length;
  const strangers = () => Array.from({ length: keysPerRound }, () => randomKey(drawn++));
  const candidates = {
    floor: () => nanosecondsPerKey(knownSample, key => bare.get(key)),
    known: () => nanosecondsPerKey(knownSample, key => mixed.match(key)),
    unseen: () => nanosecondsPerKey(strangers(), key => prefixes.match(key)),
  };
  await interleaved(5, candidates); // just-in-time compilation
  const { floor, known: seen, unseen } = await interleaved(rounds, candidates);
  const ratio = spread(seen).median / spread(floor).median;
  console.log(`${rounds} rounds of ${keysPerRound.toLocaleString('en')} keys, median (min … max) per key`);
  console.log(`floor: Map.get among ${knownKeys.toLocaleString('en')} keys     ${shown(floor, 'ns', 0)}`);
  console.log(
    `known key, 10,000 mappings           ${shown(seen, 'ns', 0)}   ${ratio.toFixed(2)}× the floor, at most 1.5×`,
  );
  console.log(`never-seen key, 10,000 prefixes      ${shown(unseen, 'ns', 0)}   at most 1,000 ns`);
}

const snapshotOf = (rows: readonly MappingSource[]): Snapshot =>
  compile(
    rows.map(row => compileRow(row)),
    Date.now(),
  ).snapshot;

/** Keys as a request header yields them: fresh strings, cut from "Bearer …" and never hashed. */
const freshKeys = (keys: readonly string[]): string[] =>
  keys.map(key => Buffer.from(`Bearer ${key}`, 'latin1').toString('latin1').slice('Bearer '.length));

function nanosecondsPerKey(keys: readonly string[], look: (key: string) => unknown): number {
  let elapsed = 0n;
  for (let first = 0; first < keys.length; first += keysPerBatch) {
    // In small batches: a header that was just read is still in the processor's cache.
    const fresh = freshKeys(keys.slice(first, first + keysPerBatch));
    const start = process.hrtime.bigint();
    for (const key of fresh) look(key);
    elapsed += process.hrtime.bigint() - start;
  }
  return Number(elapsed) / keys.length;
}
