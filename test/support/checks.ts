import assert from 'node:assert/strict';
import type { Check } from '../../bench/sim/check.ts';

/** Asserts that every line of a simulator's table is within its tolerance; lists all that are not. */
export function assertMet(checks: readonly Check[]): void {
  assert.ok(checks.length > 0);
  const unmet = checks.filter(({ isMet }) => !isMet);
  const shown = unmet.map(
    ({ what, published, ours, tolerance }) => `${what}: ${ours} instead of ${published} (${tolerance})`,
  );
  assert.deepEqual(shown, []);
}
