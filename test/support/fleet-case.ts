/** What the cases of a fleet share: its gateways, its upstream with the oracle, and what must be so at the end of each. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Reply } from './fake-answers.ts';
import { type FakeUpstream, startFakeUpstream } from './fake-upstream.ts';
import { type FleetGateway, type FleetOptions, livingOf, startFleet } from './fleet-gateways.ts';
import { type Asked, SeatOracle } from './fleet-oracle.ts';
import { assertNobodyTwice, recordRow } from './fleet-reigns.ts';
import { bad } from './fleet-requests.ts';
import { freshDatabase, type TestDatabase } from './postgres.ts';
import { until } from './until.ts';

export interface FleetCase {
  readonly upstream: FakeUpstream;
  readonly oracle: SeatOracle;
  readonly gateways: readonly FleetGateway[];
  readonly query: TestDatabase['query'];
  readonly seats: number;
}

export interface CaseOptions extends Partial<FleetOptions> {
  readonly count: number;
  readonly on?: TestDatabase;
  readonly reply?: (asked: Asked) => Reply;
}

const served = ({ stream }: Asked): Reply => ({ afterMs: 40, ...(stream && { chunks: 5 }) });

export async function arrangeFleet(t: TestContext, { count, on, reply = served, ...more }: CaseOptions) {
  const { seats = 8 } = more;
  const upstream = await startFakeUpstream(t);
  const oracle = new SeatOracle(upstream, seats, reply);
  const { url, query } = on ?? (await freshDatabase(t));
  await recordRow(query);
  const gateways = await startFleet(t, count, { database: url, ...more, upstream, seats });
  return { upstream, oracle, gateways, query, seats };
}

/**
 * Every seat can be used again, and no more: as many requests as there are seats run at once, on all gateways that live.
 * Nobody was elected twice, and there were never more requests upstream than seats.
 */
export async function assertSound(t: TestContext, what: string, fleet: FleetCase): Promise<void> {
  const { upstream, oracle, gateways, query, seats } = fleet;
  await until(() => upstream.active === 0);
  await assertAllSeats(upstream, livingOf(gateways), seats);
  await oracle.settled();
  assert.deepEqual(oracle.breaches, []);
  if (oracle.mostOfAll > oracle.most) figure(t, `${what}: at once, with those of the isolated`, oracle.mostOfAll, {});
  figure(t, `${what}: at once upstream, of ${seats} seats`, oracle.most, { atMost: seats });
  await assertNobodyTwice(gateways, query);
}

async function assertAllSeats(upstream: FakeUpstream, living: readonly FleetGateway[], seats: number): Promise<void> {
  upstream.shut();
  upstream.reply({ hold: true });
  const answers = living.flatMap(gateway => Array.from({ length: seats }, () => gateway.chat()));
  await until(() => upstream.active === seats);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(answers)), []);
  assert.ok(upstream.active <= seats);
}

interface Bound {
  readonly unit?: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One line of the table at the end of `npm run test:fleet`; fails if it is out of its bound. */
export function figure(t: TestContext, what: string, seen: number, bound: Bound): void {
  const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = bound;
  const isWithin = seen <= atMost && seen >= atLeast;
  t.diagnostic(`figure ${JSON.stringify({ what, seen, ...bound, isWithin })}`);
  assert.ok(isWithin, `${what}: ${seen} ${JSON.stringify(bound)}`);
}

export const sinceMs = (at: number): number => Math.round(performance.now() - at);
