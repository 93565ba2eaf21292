import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionRing } from '../../../src/identity/sessions/session-ring.ts';
import type { StoredSession } from '../../../src/identity/sessions/session-store.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const hash = 'of a session';

/** A ring over a table of one session, whose answers are held back until they are released. */
function arrange() {
  const clock = new ManualClock();
  const [now, later] = [clock.date(), new Date(clock.date().getTime() + 3_600_000)].map(date => date.toISOString());
  const stored = {
    hash,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: later,
    keyId: 1,
    keyExpiresAt: null,
    userId: 1,
    email: 'a@x',
    role: 'root_admin',
    displayName: null,
    status: 'active',
  } as StoredSession;
  const table = { rows: [stored] };
  const held: PromiseWithResolvers<void>[] = [];
  const find = async () => {
    const found = table.rows;
    const gate = Promise.withResolvers<void>();
    held.push(gate);
    await gate.promise;
    return found;
  };
  const events = { info: () => {}, error: () => {} };
  const ring = new SessionRing({ find, clock, events, cacheTtlMs: 30_000, staleMaxMs: 3_600_000, idleMs: 3_600_000 });
  /** Releases the held answers, and those to the queries that follow. */
  const answer = async () => {
    while (held.length > 0) {
      for (const gate of held.splice(0)) gate.resolve();
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  return { ring, table, answer };
}

const over = { code: 'invalid_api_key' };

for (const [what, told] of [
  ['here', (ring: SessionRing) => ring.forget(session => session.hash === hash)],
  ['elsewhere', (ring: SessionRing) => ring.refresh()],
] as const) {
  test(`what the database said before a session was ended ${what} is not taken for it afterwards`, async () => {
    const { ring, table, answer } = arrange();
    const asked = ring.find(hash);
    // The old answer is in flight.
    table.rows = [];
    void told(ring);
    const refused = assert.rejects(asked, over);
    await answer();
    await refused;
    const again = assert.rejects(ring.find(hash), over);
    await answer();
    await again;
  });
}
