import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Job } from '../../../bench/sim/job.ts';
import { LeasedQueue } from '../../../bench/sim/leased-queue.ts';
import { Simulation } from '../../../bench/sim/simulation.ts';

const arrival = fc.record({ atMs: fc.nat(5_000), gateway: fc.nat(5), runMs: fc.integer({ min: 1, max: 3_000 }) });

test('leases that move between gateways never let more run than there are seats, and in the end everybody is served', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(arrival, { maxLength: 60 }), (seats, arrivals) => {
      const at = new Map<Job, number>();
      const queue = new LeasedQueue({ seats, gateways: 6, gatewayOf: job => at.get(job) ?? 0 });
      const runs = { now: 0, most: 0, ended: 0 };
      const simulation = new Simulation({
        queue,
        onStart: () => {
          runs.most = Math.max(runs.most, ++runs.now);
        },
        onEnd: () => {
          runs.now--;
          runs.ended++;
        },
      });
      for (const [id, { atMs, gateway, runMs }] of arrivals.entries()) {
        const job = new Job(id, {
          flowId: `tenant-${gateway}`,
          level: 5,
          arrivalMs: atMs,
          prefillMs: 0,
          decodeMs: runMs,
          estimate: runMs,
          cost: runMs,
          initialCost: 0,
          tokens: runMs,
        });
        at.set(job, gateway);
        simulation.at(atMs, () => void simulation.submit(job));
      }
      for (let beat = 0; beat < 1_000; beat++) {
        simulation.at(beat * 500, () => {
          queue.heartbeat();
          simulation.offer();
        });
      }
      simulation.run();
      assert.ok(runs.most <= seats, `${runs.most} of ${seats}`);
      assert.equal(runs.ended, arrivals.length);
    }),
    { numRuns: 200 },
  );
});
