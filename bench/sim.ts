/** How does the scheduler in virtual time compare with published figures and known answers of this field? */
import { allocationChecks, borrowingChecks, scriptedChecks, slotChecks } from './sim/apf-checks.ts';
import type { Check } from './sim/check.ts';
import { gcraChecks } from './sim/gcra-checks.ts';
import { haproxyChecks } from './sim/haproxy-checks.ts';
import { partitionChecks, wakingChecks, weightingChecks } from './sim/mistake-checks.ts';
import { cobhamChecks, erlangChecks, lossChecks } from './sim/queueing-checks.ts';
import { boostChecks, flatChecks } from './sim/share-by-checks.ts';
import { checkTable } from './sim/table.ts';
import { fairnessChecks, latencyChecks, weightedChecks } from './sim/vtc-checks.ts';

export const name = 'sim';

const seeds = Array.from({ length: 11 }, (_, index) => index + 1);
const arrivals = 2_000_000;

const sections: readonly (readonly [string, () => Check[]])[] = [
  [
    `Fairness between tenants (VTC, OSDI '24): max / avg / accumulated difference; medians of ${seeds.length} seeds`,
    () => fairnessChecks(seeds),
  ],
  ['Tenants with weights (VTC)', () => weightedChecks(seeds)],
  [
    `Seconds to the first token, per client (VTC; an engine that admits every ten steps); medians of ${seeds.length} seeds`,
    () => latencyChecks(seeds),
  ],
  [
    `Strict order, Poisson arrivals (Cobham 1954); runs of ${arrivals.toLocaleString('en')} arrivals`,
    () => cobhamChecks({ arrivals, seed: 1, share: 0.05 }),
  ],
  [
    'Seats for a level of its own (Erlang B)',
    () => [...erlangChecks(), ...lossChecks({ arrivals: arrivals / 2, seed: 1, share: 0.05 })],
  ],
  [
    'Shares of seats (Kubernetes API Priority and Fairness)',
    () => [...allocationChecks(), ...scriptedChecks(), ...borrowingChecks()],
  ],
  [
    'Whose the weight of a level is (share_by); a boost on the pool of the quickstart',
    () => [...flatChecks(), ...boostChecks()],
  ],
  ['Reserved slots (SMG)', slotChecks],
  ['Request rate (redis-cell): limit 5, 1/s', gcraChecks],
  ['Order (HAProxy)', () => haproxyChecks(1)],
  ['Known mistakes', () => [...weightingChecks(), ...partitionChecks(), ...wakingChecks()]],
];

export function run(): void {
  let unmet = 0;
  for (const [title, checks] of sections) {
    const done = checks();
    unmet += done.filter(({ isMet }) => !isMet).length;
    console.log(`\n${title}\n\n${checkTable(done)}`);
  }
  console.log(unmet === 0 ? '\nAll within tolerance.' : `\n${unmet} outside their tolerance.`);
  if (unmet > 0) process.exitCode = 1;
}
