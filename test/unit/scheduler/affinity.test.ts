/** Requests go to the endpoint that is warm for them, within the bound of the load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AffinityResult, Warmth } from '../../../src/domain/warmth.ts';
import { affinityAt, chooseEndpoint } from '../../../src/scheduler/endpoints/choice.ts';
import { Endpoint } from '../../../src/scheduler/endpoints/endpoint.ts';
import { ProviderEndpoints } from '../../../src/scheduler/endpoints/provider-endpoints.ts';
import { ServedPrefixes } from '../../../src/scheduler/endpoints/served-prefixes.ts';

const bySession = (hash: number): Warmth => ({ by: 'session', hashes: [hash] });
const byPrefix = (...hashes: number[]): Warmth => ({ by: 'prefix', hashes });
const nowhere: readonly string[] = [];
const anyHash = fc.maxSafeNat().map(hash => hash % 2 ** 48);
const anySeats = fc.array(fc.constantFrom(1, 2, 3, 8, 8, 8, 16), { minLength: 1, maxLength: 9 });

const endpointsOf = (seats: readonly number[]) =>
  seats.map((count, nth) => new Endpoint(`http://10.0.0.${nth}`, count));
const homeOf = (endpoints: readonly Endpoint[], hash: number) =>
  chooseEndpoint(endpoints, { avoid: nowhere, shut: [], warmth: bySession(hash) }, null)?.id ?? assert.fail();

/** A provider under load: requests come and end, each with its hashes. */
function arrange(seats: readonly number[]) {
  const provider = new ProviderEndpoints<never>('p', () => {});
  provider.isTold = true;
  const endpoints = endpointsOf(seats);
  provider.list(endpoints);
  return {
    endpoints,
    /** Returns the endpoint and whether it was warm; null: none has a free seat. */
    start(warmth: Warmth, avoid = nowhere): { endpoint: Endpoint; result: AffinityResult | null } | null {
      const endpoint = provider.choose({ avoid, shut: [], warmth });
      if (endpoint === null) return null;
      const held = { level: 5, tokens: 1, warmth };
      const result = provider.affinityAt(endpoint, held);
      provider.take(endpoint, held);
      return { endpoint, result };
    },
    end: (endpoint: Endpoint) => provider.free(endpoint, { level: 5, tokens: 1, warmth: null }),
  };
}

test('a session has one home, whatever the order of the endpoints', () => {
  fc.assert(
    fc.property(anySeats, anyHash, fc.nat(), (seats, hash, turn) => {
      const endpoints = endpointsOf(seats);
      const by = turn % endpoints.length;
      const turned = [...endpoints.slice(by), ...endpoints.slice(0, by)];
      assert.equal(homeOf(turned, hash), homeOf(endpoints, hash));
    }),
  );
});

test('if an endpoint goes down only its sessions move, and they return with it', () => {
  fc.assert(
    fc.property(anySeats, fc.nat(), fc.array(anyHash, { maxLength: 50 }), (seats, which, hashes) => {
      const endpoints = endpointsOf([...seats, 4]);
      const down = endpoints[which % endpoints.length] ?? assert.fail();
      const homes = hashes.map(hash => homeOf(endpoints, hash));
      const own = down.seats;
      down.seats = 0;
      for (const [nth, hash] of hashes.entries()) {
        const moved = homeOf(endpoints, hash);
        if (homes[nth] === down.id) assert.notEqual(moved, down.id);
        else assert.equal(moved, homes[nth]);
      }
      down.seats = own;
      assert.deepEqual(
        hashes.map(hash => homeOf(endpoints, hash)),
        homes,
      );
    }),
  );
});

test('if an endpoint comes a session stays or moves to that one', () => {
  fc.assert(
    fc.property(anySeats, fc.array(anyHash, { maxLength: 50 }), (seats, hashes) => {
      const more = endpointsOf([...seats, 8]);
      const before = more.slice(0, -1);
      for (const hash of hashes) assert.ok([homeOf(before, hash), more.at(-1)?.id].includes(homeOf(more, hash)));
    }),
  );
});

test('homes are shared by seats, within two per cent of all sessions', () => {
  const endpoints = endpointsOf([8, 8, 16, 32]);
  const counts = new Map<string, number>();
  const sessions = 40_000;
  for (let nth = 0; nth < sessions; nth++) {
    // Consecutive numbers are the worst that hashes could be.
    const home = homeOf(endpoints, nth);
    counts.set(home, (counts.get(home) ?? 0) + 1);
  }
  for (const { id, seats } of endpoints)
    assert.ok(Math.abs((counts.get(id) ?? 0) / sessions - seats / 64) < 0.02, JSON.stringify([...counts]));
});

const anyWarmth = fc.oneof(
  { weight: 4, arbitrary: fc.nat(3).map(bySession) },
  { weight: 4, arbitrary: fc.array(fc.nat(6), { maxLength: 4 }).map(hashes => byPrefix(...hashes)) },
);
const anyLoad = fc.array(
  fc.oneof(
    fc.record({ ends: fc.nat() }),
    fc.record({ warmth: anyWarmth, avoid: fc.option(fc.nat(8), { freq: 4, nil: null }) }),
  ),
  { maxLength: 200 },
);

test('no endpoint is given more than 1.25 times its share, and nobody waits while any endpoint has a seat', () => {
  fc.assert(
    fc.property(anySeats, anyLoad, (seats, load) => {
      const { endpoints, start, end } = arrange(seats);
      const running: Endpoint[] = [];
      const all = seats.reduce((sum, own) => sum + own, 0);
      for (const step of load) {
        if ('ends' in step) {
          const [ended] = running.splice(step.ends % Math.max(1, running.length), 1);
          if (ended !== undefined) end(ended);
          continue;
        }
        const avoid = step.avoid === null ? [] : [`http://10.0.0.${step.avoid}`];
        const allowed = endpoints.filter(({ id }) => !avoid.includes(id));
        const hasRoom = (allowed.length > 0 ? allowed : endpoints).some(one => one.inUse < one.seats);
        const given = start(step.warmth, avoid)?.endpoint;
        assert.equal(given !== undefined, hasRoom);
        if (given === undefined) continue;
        running.push(given);
        assert.ok(given.inUse <= given.seats);
        if (avoid.length === 0) assert.ok(given.inUse <= Math.ceil((1.25 * running.length * given.seats) / all));
        else assert.ok(!avoid.includes(given.id) || allowed.length === 0);
      }
    }),
  );
});

test('one session alone fills an endpoint up to the bound, then the next in its ranking, and is told so', () => {
  const { start } = arrange([16, 16, 16, 16]);
  const given = Array.from({ length: 16 }, () => start(bySession(77)) ?? assert.fail());
  const used = given.map(({ endpoint }) => endpoint.id);
  const counts = Object.values(Object.groupBy(used, id => id)).map(ids => ids?.length ?? 0);
  assert.equal(Math.max(...counts), 5);
  const home = given[0]?.endpoint;
  assert.equal(home?.id, homeOf(endpointsOf([16, 16, 16, 16]), 77));
  for (const { endpoint, result } of given) assert.equal(result, endpoint === home ? 'warm' : 'moved');
});

test('a prompt goes where its longest known beginning was served last, else to the home of the shortest', () => {
  const { start, end, endpoints } = arrange([8, 8, 8, 8]);
  const home = homeOf(endpoints, 1);
  const first = start(byPrefix(1, 20, 300)) ?? assert.fail();
  assert.equal(first.endpoint.id, home);
  assert.equal(first.result, 'none');
  // The load of one request moves the next one; so what is known differs by length.
  const second = start(byPrefix(1, 21, 301)) ?? assert.fail();
  assert.equal(second.result, 'moved');
  assert.notEqual(second.endpoint, first.endpoint);
  end(first.endpoint);
  end(second.endpoint);
  for (const [warmth, expected] of [
    [byPrefix(1, 20, 300, 4000), first],
    [byPrefix(1, 21, 301, 4001), second],
  ] as const) {
    const given = start(warmth) ?? assert.fail();
    assert.deepEqual([given.endpoint.id, given.result], [expected.endpoint.id, 'warm']);
    end(given.endpoint);
  }
});

test('what is known of an endpoint is passed over while it is down or avoided, and known again when it is back', () => {
  const { start, end, endpoints } = arrange([8, 8, 8]);
  const first = start(byPrefix(5, 6))?.endpoint ?? assert.fail();
  end(first);
  const avoiding = start(byPrefix(7), [first.id])?.endpoint ?? assert.fail();
  assert.notEqual(avoiding, first);
  end(avoiding);
  first.seats = 0;
  const served = new ServedPrefixes();
  served.served(6, first);
  assert.notEqual(chooseEndpoint(endpoints, { avoid: nowhere, shut: [], warmth: byPrefix(5, 6) }, served), first);
  first.seats = 8;
  assert.equal(chooseEndpoint(endpoints, { avoid: nowhere, shut: [], warmth: byPrefix(5, 6) }, served), first);
  assert.equal(affinityAt(first, endpoints, byPrefix(5, 6), served), 'warm');
});

test('a request that is warm nowhere goes to the freest endpoint, as without affinity', () => {
  const { start } = arrange([4, 4]);
  const given = Array.from({ length: 4 }, () => start(byPrefix()) ?? assert.fail());
  assert.deepEqual(
    given.map(({ endpoint, result }) => [endpoint.id, result]),
    [0, 1, 0, 1].map(nth => [`http://10.0.0.${nth}`, 'none']),
  );
});

test('beginnings are remembered up to a number, those that were used lately longest', () => {
  const served = new ServedPrefixes();
  const [one = assert.fail(), other = assert.fail()] = endpointsOf([1, 1]);
  const hashOf = (nth: number) => (Math.imul(nth, 0x9e3779b1) >>> 0) * 2 ** 16 + (nth & 0xffff);
  for (let nth = 0; nth < 300_000; nth++) {
    served.served(hashOf(nth), one);
    served.served(hashOf(-1), other);
  }
  assert.equal(served.find(hashOf(-1)), other);
  let known = 0;
  for (let nth = 0; nth < 300_000; nth++) if (served.find(hashOf(nth)) !== null) known++;
  assert.equal(known, 65_536 - 1);
  assert.equal(served.find(hashOf(299_999)), one);
  assert.equal(served.find(hashOf(0)), null);
});
