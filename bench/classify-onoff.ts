/** How much does mapping add to a request in the classifier, the only place where it adds anything: on against off? */
import type { Classifiable, Classify } from '../src/domain/vocabulary.ts';
import { defaultClassify, mappedClassify } from '../src/priority/matching/classifier.ts';
import { compile, compileRow } from '../src/priority/matching/matcher.ts';
import { prioritySettings } from '../test/support/priority-settings.ts';
import { mappingMix, randomKey } from './support/mapping-mix.ts';
import { medianInterval, shown } from './support/rounds.ts';

export const name = 'classify-onoff';

const pairs = 40;
const requestsPerRound = 20_000;
const requestsPerBatch = 100;
const identity = { keyId: 1, userId: 1, role: 'gateway_user' } as const;
const settings = prioritySettings();

export function run(): void {
  const rows = mappingMix(10_000).map(row => compileRow(row));
  const { snapshot } = compile(rows, Date.now());
  const match = (key: string) => snapshot.match(key);
  const mapped = mappedClassify({ settings, match, events: { keyMapped: () => {} } });
  const unmapped = defaultClassify(settings);
  const keys = Array.from({ length: 1_000 }, (_, index) => randomKey(index));
  const figures = { on: [] as number[], off: [] as number[], difference: [] as number[] };
  for (let pair = -5; pair < pairs; pair++) {
    // The second one finds warmer caches, so they take turns.
    const first = pair % 2 === 0 ? mapped : unmapped;
    const one = nanosecondsPerRequest(keys, first);
    const other = nanosecondsPerRequest(keys, first === mapped ? unmapped : mapped);
    const [on, off] = first === mapped ? [one, other] : [other, one];
    if (pair < 0) continue; // just-in-time compilation
    figures.on.push(on);
    figures.off.push(off);
    figures.difference.push(on - off);
  }
  const { low, high } = medianInterval(figures.difference);
  console.log(`${pairs} pairs of ${requestsPerRound.toLocaleString('en')} requests, median (min … max) per request`);
  console.log(`mapping on, 10,000 mappings  ${shown(figures.on, 'ns', 0)}`);
  console.log(`mapping off                  ${shown(figures.off, 'ns', 0)}`);
  console.log(
    `difference                   ${shown(figures.difference, 'ns', 0)}, 95 % interval ${low.toFixed(0)} to ${high.toFixed(0)} ns`,
  );
}

function nanosecondsPerRequest(keys: readonly string[], classify: Classify): number {
  let elapsed = 0n;
  for (let sent = 0; sent < requestsPerRound; sent += requestsPerBatch) {
    const batch = Array.from({ length: requestsPerBatch }, (_, at) =>
      request(keys[(sent + at * 7919) % keys.length] ?? ''),
    );
    const start = process.hrtime.bigint();
    for (const one of batch) classify(one);
    elapsed += process.hrtime.bigint() - start;
  }
  return Number(elapsed) / requestsPerRound;
}

/** The key is a fresh string, as parsed from a header. */
const request = (key: string): Classifiable => ({
  identity,
  key: Buffer.from(`Bearer ${key}`, 'latin1').toString('latin1').slice('Bearer '.length),
  asked: undefined,
});
