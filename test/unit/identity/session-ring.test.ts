import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionRing } from '../../../src/identity/sessions/session-ring.ts';
import type { StoredSession } from '../../../src/identity/sessions/session-store.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const hash = 'of a session';

/** A ring over a table of one session, whose answers are held back until they are released. */
function arrange() {
  const clock = new ManualClock();
  const [now, later] = [clock.date(), new Date(clock.date().getTime() + 7_200_000)].map(date => date.toISOString());
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
  const table = { rows: [stored], isDown: false, queries: 0 };
  const held: PromiseWithResolvers<void>[] = [];
  const find = async () => {
    table.queries++;
    if (table.isDown) throw new Error('connection refused');
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
  return { ring, clock, table, answer };
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

test('a session is served after its TTL while it is read again in the background', async () => {
  const { ring, clock, table, answer } = arrange();
  const opened = ring.find(hash);
  await answer();
  await opened;
  clock.advance(29_999);
  await ring.find(hash);
  assert.equal(table.queries, 1);
  clock.advance(1);
  table.rows = [];
  assert.equal((await ring.find(hash)).hash, hash);
  assert.equal(table.queries, 2);
  await answer();
  const refused = assert.rejects(ring.find(hash), over);
  await answer();
  await refused;
});

test('while the database is away a known session serves until it is too stale, and then gets 503', async () => {
  const { ring, clock, table, answer } = arrange();
  const opened = ring.find(hash);
  await answer();
  await opened;
  table.isDown = true;
  for (let minute = 0; minute < 50; minute++) {
    clock.advance(60_000);
    ring.seen(hash);
    assert.equal((await ring.find(hash)).hash, hash);
    await answer();
  }
  clock.advance(600_000);
  ring.seen(hash);
  assert.ok(await ring.find(hash));
  await answer();
  clock.advance(1);
  await assert.rejects(ring.find(hash), { code: 'unavailable' });
});

test('after a stop nothing is read again, and no timer is left', async () => {
  const { ring, clock, table, answer } = arrange();
  const opened = ring.find(hash);
  await answer();
  await opened;
  await ring.stop();
  assert.equal(clock.pending, 0);
  clock.advance(60_000);
  await ring.refresh();
  assert.ok(await ring.find(hash));
  assert.equal(table.queries, 1);
});
