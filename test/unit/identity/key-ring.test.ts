import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashKey } from '../../../src/identity/api-key.ts';
import { expiryMs, type KeyOwner } from '../../../src/identity/key-owner.ts';
import { KeyRing } from '../../../src/identity/key-ring.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ttlMs = 30_000;
const staleMaxMs = 3_600_000;

/** A ring over a database of one table, whose answers can be held back or fail. */
function arrange(limits = {}) {
  const clock = new ManualClock();
  const rows = new Map<string, KeyOwner>();
  const log: string[] = [];
  const queries: (readonly string[])[] = [];
  const database = { isDown: false, isSilent: false, held: [] as PromiseWithResolvers<void>[], isHolding: false };
  const findOwners = async (hashes: readonly string[]) => {
    queries.push(hashes);
    if (database.isSilent) return new Promise<never>(() => {});
    if (database.isDown) throw new Error('connection refused');
    const found = hashes.flatMap(hash => rows.get(hash) ?? []);
    if (database.isHolding) {
      const gate = Promise.withResolvers<void>();
      database.held.push(gate);
      await gate.promise;
    }
    return found;
  };
  const say = (message: string) => void log.push(message);
  const events = { info: say, error: say };
  const ring = new KeyRing({ findOwners, clock, events, cacheTtlMs: ttlMs, staleMaxMs, limits });
  let nextId = 1;
  const store = (key: string, change: Partial<KeyOwner> = {}) => {
    const keyId = nextId++;
    const hash = hashKey(key);
    rows.set(hash, {
      keyId,
      hash,
      userId: keyId + 100,
      role: 'gateway_user',
      status: 'active',
      expiresAt: null,
      ...change,
    });
    return keyId;
  };
  const remove = (key: string) => rows.delete(hashKey(key));
  const known = async (key: string, change: Partial<KeyOwner> = {}) => {
    const keyId = store(key, change);
    await ring.authenticate(key);
    return keyId;
  };
  return { clock, ring, database, queries, log, store, remove, known };
}

const code = (wanted: string) => (error: unknown) => (error as { code: string }).code === wanted;
const unauthorized = code('invalid_api_key');
const unavailable = code('unavailable');
const refuses = (ring: KeyRing, key: string, wanted: (error: unknown) => boolean) =>
  assert.rejects(async () => ring.authenticate(key), wanted);
/** Runs everything that waits for no outside event. */
const settled = () => new Promise(resolve => setImmediate(resolve));

describe('a key in use', () => {
  test('is answered from memory, at once', async () => {
    const { ring, queries, known } = arrange();
    const keyId = await known('tok_a');
    assert.deepEqual(ring.authenticate('tok_a'), { keyId, userId: keyId + 100, role: 'gateway_user' });
    assert.equal(queries.length, 1);
  });

  test('is looked up once, however many requests bring it at the same time', async () => {
    const { ring, queries, store } = arrange();
    store('tok_a');
    await Promise.all(Array.from({ length: 50 }, () => ring.authenticate('tok_a')));
    assert.equal(queries.length, 1);
  });

  test('is served after its TTL while it is read again in the background', async () => {
    const { ring, clock, queries, remove, known } = arrange();
    await known('tok_a');
    remove('tok_a');
    clock.advance(ttlMs);
    assert.ok(!(ring.authenticate('tok_a') instanceof Promise));
    await settled();
    assert.equal(queries.length, 2);
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('is refused from the moment it expires', async () => {
    const { ring, clock, known } = arrange();
    await known('tok_a', { expiresAt: new Date(clock.date().getTime() + 1000).toISOString() });
    clock.advance(999);
    assert.ok(ring.authenticate('tok_a'));
    clock.advance(1);
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('with an unknown role counts as a gateway_user', async () => {
    const { ring, store } = arrange();
    store('tok_a', { role: 'superuser' });
    assert.equal((await ring.authenticate('tok_a')).role, 'gateway_user');
  });

  test('leaves memory when more keys are in use than it may hold, and is found again', async () => {
    const { ring, queries, known } = arrange({ knownKeys: 2 });
    await known('tok_a');
    await known('tok_b');
    await known('tok_c');
    assert.ok(!(ring.authenticate('tok_c') instanceof Promise));
    assert.ok(await ring.authenticate('tok_a'));
    assert.equal(queries.length, 4);
  });
});

describe('a change of users or keys', () => {
  const changes: Record<string, Partial<KeyOwner> | null> = {
    'a deleted key': null,
    'an inactive user': { status: 'inactive' },
    'a status that nobody knows': { status: 'paused' },
    'an expiry in the past': { expiresAt: '2020-01-01T00:00:00.000Z' },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`${what} is refused after a refresh`, async () => {
      const { ring, store, remove, known } = arrange();
      await known('tok_a');
      if (change === null) remove('tok_a');
      else store('tok_a', change);
      await ring.refresh();
      await refuses(ring, 'tok_a', unauthorized);
    });
  }

  test('a new role and a new expiry serve after a refresh', async () => {
    const { ring, clock, store, known } = arrange();
    await known('tok_a', { expiresAt: new Date(clock.date().getTime() + 1000).toISOString() });
    store('tok_a', { role: 'root_admin' });
    await ring.refresh();
    clock.advance(2000);
    const identity = await ring.authenticate('tok_a');
    assert.equal(identity.role, 'root_admin');
  });

  test('a key stored elsewhere serves after a refresh though it was refused just before', async () => {
    const { ring, store } = arrange();
    await refuses(ring, 'tok_a', unauthorized);
    store('tok_a');
    await refuses(ring, 'tok_a', unauthorized);
    await ring.refresh();
    assert.ok(await ring.authenticate('tok_a'));
  });

  test('a key forgotten while its look-up is under way is not put back', async () => {
    const { ring, database, remove, store } = arrange();
    const keyId = store('tok_a');
    database.isHolding = true;
    const asked = ring.authenticate('tok_a');
    remove('tok_a');
    ring.forgetKey(keyId);
    database.isHolding = false;
    database.held[0]?.resolve();
    await assert.rejects(async () => asked, unauthorized);
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('a key forgotten while all are read again is not put back', async () => {
    const { ring, database, remove, known } = arrange();
    const keyId = await known('tok_a');
    database.isHolding = true;
    const refreshed = ring.refresh();
    remove('tok_a');
    ring.forgetKey(keyId);
    database.isHolding = false;
    database.held[0]?.resolve();
    await refreshed;
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('a change heard of while all are read again is read after it', async () => {
    const { ring, database, remove, known } = arrange();
    await known('tok_a');
    database.isHolding = true;
    const first = ring.refresh();
    remove('tok_a');
    const second = ring.refresh();
    database.isHolding = false;
    database.held[0]?.resolve();
    await Promise.all([first, second]);
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('forgetting a user forgets all their keys and nobody else', async () => {
    const { ring, queries, known } = arrange();
    await known('tok_a', { userId: 7 });
    await known('tok_b', { userId: 7 });
    await known('tok_c', { userId: 8 });
    ring.forgetUser(7);
    assert.ok(ring.authenticate('tok_a') instanceof Promise);
    assert.ok(ring.authenticate('tok_b') instanceof Promise);
    assert.ok(!(ring.authenticate('tok_c') instanceof Promise));
    await settled();
    assert.equal(queries.length, 5);
  });

  test('many keys are read again in few queries', async () => {
    const { ring, queries, known } = arrange();
    for (let i = 0; i < 450; i++) await known(`tok_${i}`);
    queries.length = 0;
    await ring.refresh();
    assert.deepEqual(
      queries.map(hashes => hashes.length),
      [200, 200, 50],
    );
  });
});

describe('a key that is no good', () => {
  test('is not asked for again for a while', async () => {
    const { ring, clock, queries } = arrange();
    await refuses(ring, 'tok_junk', unauthorized);
    await refuses(ring, 'tok_junk', unauthorized);
    assert.equal(queries.length, 1);
    clock.advance(5_000);
    await refuses(ring, 'tok_junk', unauthorized);
    assert.equal(queries.length, 2);
  });

  test('longer than 256 bytes, or empty, is refused without a query', async () => {
    const { ring, queries } = arrange();
    await refuses(ring, `tok_${'x'.repeat(253)}`, unauthorized);
    await refuses(ring, '', unauthorized);
    assert.equal(queries.length, 0);
    await refuses(ring, `tok_${'x'.repeat(252)}`, unauthorized);
    assert.equal(queries.length, 1);
  });

  test('in a flood costs few queries, two at a time, and is refused in the end', async () => {
    const { ring, database, queries } = arrange();
    database.isHolding = true;
    const flood = Array.from({ length: 1000 }, (_, i) => refuses(ring, `tok_junk_${i}`, unauthorized));
    await settled();
    assert.equal(queries.length, 2);
    database.isHolding = false;
    for (const gate of database.held) gate.resolve();
    await Promise.all(flood);
    assert.ok(queries.length <= 2 + Math.ceil(998 / 200), `${queries.length} queries`);
  });

  test('beyond the number that may wait is refused with a request to retry', async () => {
    const { ring, database } = arrange({ waitingLookups: 3 });
    database.isHolding = true;
    const waiting = ['a', 'b', 'c'].map(key => refuses(ring, key, unauthorized));
    await refuses(ring, 'd', unavailable);
    database.isHolding = false;
    await settled();
    for (const gate of database.held) gate.resolve();
    await Promise.all(waiting);
  });

  test('is forgotten when more of them come than are remembered', async () => {
    const { ring, queries } = arrange({ rejectedKeys: 2 });
    for (const key of ['a', 'b', 'c', 'a']) await refuses(ring, key, unauthorized);
    assert.equal(queries.length, 4);
  });
});

describe('while the database is away', () => {
  test('known keys serve until they are too stale, and others get 503, never 401', async () => {
    const { ring, clock, database, known } = arrange();
    await known('tok_a');
    database.isDown = true;
    clock.advance(staleMaxMs);
    assert.ok(!(ring.authenticate('tok_a') instanceof Promise));
    await refuses(ring, 'tok_new', unavailable);
    await refuses(ring, 'tok_new', unavailable);
    clock.advance(1);
    await refuses(ring, 'tok_a', unavailable);
    database.isDown = false;
    assert.ok(await ring.authenticate('tok_a'));
  });

  test('reading again is tried once a second, and a revocation missed meanwhile acts then', async () => {
    const { ring, clock, database, queries, remove, known } = arrange();
    await known('tok_a');
    database.isDown = true;
    remove('tok_a');
    await ring.refresh();
    queries.length = 0;
    for (let i = 0; i < 10; i++) {
      clock.advance(250);
      assert.ok(ring.authenticate('tok_a'));
      await settled();
    }
    assert.equal(queries.length, 2);
    database.isDown = false;
    clock.advance(1000);
    assert.ok(ring.authenticate('tok_a'));
    await settled();
    await refuses(ring, 'tok_a', unauthorized);
  });

  test('a database that accepts and never answers is given up after 5 s', async () => {
    const { ring, clock, database } = arrange();
    database.isSilent = true;
    const asked = refuses(ring, 'tok_a', unavailable);
    await settled();
    clock.advance(5_000);
    await asked;
  });

  test('the log says so once, and once that it is back', async () => {
    const { ring, database, log, known } = arrange();
    await known('tok_a');
    database.isDown = true;
    await ring.refresh();
    await ring.refresh();
    await refuses(ring, 'tok_b', unavailable);
    database.isDown = false;
    await ring.refresh();
    assert.deepEqual(log, [
      'Identity: keys cannot be read; 1 known keys go on serving',
      'Identity: the database answers again',
    ]);
  });
});

describe('an expiry', () => {
  const cases: [string | null, number][] = [
    [null, Number.POSITIVE_INFINITY],
    ['2030-01-31T12:00:00.000Z', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31 12:00:00', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31 14:00:00+02:00', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31', Date.UTC(2030, 0, 31)],
    ['next year', Number.NEGATIVE_INFINITY],
    ['', Number.NEGATIVE_INFINITY],
  ];
  for (const [text, ms] of cases) {
    test(`written as ${text === null ? 'NULL' : `'${text}'`} is ${ms}`, () => assert.equal(expiryMs(text), ms));
  }
});
