import assert from 'node:assert/strict';
import type { FakeUpstream } from './fake-upstream.ts';
import type { TestGateway } from './gateway.ts';
import { until } from './until.ts';

interface PoolIni {
  readonly seats: number;
  /** Further keys of the provider, one per line. */
  readonly provider?: string;
  /** Further sections. */
  readonly sections?: string;
}

/** One provider, and so one pool, called `main`, in front of this upstream. */
export const poolIni = (upstream: FakeUpstream, { seats, provider = '', sections = '' }: PoolIni): string => `
[provider.main]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = ${seats}
${provider}
${sections}`;

export async function waitingIn(gateway: TestGateway): Promise<number> {
  const { levels } = await gateway.pool();
  return levels.reduce((sum: number, level: { waiting: number }) => sum + level.waiting, 0);
}

/**
 * The condition after every fault: never more requests upstream than seats, none there now, no seat taken, nothing
 * queued.
 */
export async function assertQuiet(gateway: TestGateway, upstream: FakeUpstream, seats: number): Promise<void> {
  await until(async () => (await gateway.pool()).in_use === 0 && (await waitingIn(gateway)) === 0);
  await upstream.waitForActive(0);
  assert.ok(upstream.maxConcurrent <= seats, `${upstream.maxConcurrent} at once on ${seats} seats`);
}

/** Asserts that all seats can be taken at once. */
export async function assertAllSeats(
  gateway: TestGateway,
  upstream: FakeUpstream,
  seats: number,
  key: string,
): Promise<void> {
  upstream.shut();
  upstream.reply({ hold: true });
  const probes = Array.from({ length: seats }, () => gateway.chat(key));
  await upstream.waitForActive(seats);
  upstream.open();
  for (const probe of probes) assert.equal((await probe).status, 200);
}
