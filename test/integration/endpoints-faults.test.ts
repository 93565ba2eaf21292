// Whatever endpoints do, as a property over scripts of faults: never more of them at an endpoint than seats, one outcome
// for each request, one charge, and nothing left at the end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Reply } from '../support/fake-upstream.ts';
import { answered, nth, startReplicas } from '../support/replicas.ts';
import { requestsOf } from '../support/requests-of.ts';

const seats = 2;
const endpoints = 3;

const fault: fc.Arbitrary<Reply> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 3, arbitrary: fc.constant({ chunks: 2 }) },
  fc.constant<Reply>({ fault: 'reset' }),
  fc.constant<Reply>({ fault: 'break' }),
  fc.constant<Reply>({ chunks: 1, fault: 'break' }),
  fc.constant<Reply>({ fault: 'silence' }),
  fc.constantFrom(400, 500, 502, 503, 504, 429, 529).map(status => ({ status, body: { error: { message: 'fault' } } })),
  fc.constantFrom(429, 503, 529).map(status => ({ status, headers: { 'retry-after': '0.01' }, body: {} })),
);

/** Answers take a while, so that all seats are in use when a request has to go elsewhere. */
const reply = fc.tuple(fault, fc.nat(8)).map(([what, afterMs]): Reply => ({ ...what, afterMs }));

const runs = fc.record({
  /** What each endpoint does, one request after the other. */
  scripts: fc.array(fc.array(reply, { maxLength: 12 }), { minLength: endpoints, maxLength: endpoints }),
  requests: fc.array(fc.record({ tenant: fc.nat(3), stream: fc.boolean() }), { minLength: 8, maxLength: 24 }),
});

const sumOf = (scraped: string, name: string): number =>
  [...scraped.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );

test('whatever endpoints do: seats hold at each, and each request has one outcome and one charge', async t => {
  const replicas = await startReplicas(t, {
    count: endpoints,
    seats,
    provider: 'first_byte_timeout_sec = 0.05\nidle_timeout_sec = 1',
    clock: null,
  });
  const { gateway, upstreams, keys, quiet } = replicas;
  let total = 0;
  const run = async ({ scripts, requests }: typeof runs extends fc.Arbitrary<infer T> ? T : never) => {
    const before = await gateway.pool();
    const dispatchedOf = (pool: typeof before) =>
      pool.levels.reduce((sum: number, level: { dispatched: number }) => sum + level.dispatched, 0);
    const scrapedBefore = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const [index, script] of scripts.entries()) {
      const left = [...script];
      upstreams[index]?.reply(({ method }) => (method === 'GET' ? {} : (left.shift() ?? { afterMs: 4 })));
    }
    const answers = await Promise.all(
      requests.map(({ tenant, stream }, index) =>
        answered(gateway.chat(nth(keys, tenant), { stream, requestId: `r-${total + index}` })),
      ),
    );
    await quiet();
    for (const upstream of upstreams) {
      await upstream.waitForActive(0);
      assert.ok(upstream.maxConcurrent <= seats, `${upstream.maxConcurrent} at one endpoint of ${seats} seats`);
    }
    total += requests.length;
    const outcomes = await requestsOf(gateway, total);
    assert.equal(outcomes.length, total, 'one outcome each');
    const mine = outcomes.slice(-requests.length);
    assert.equal(new Set(mine.map(({ request_id: id }) => id)).size, requests.length);
    const dispatched = dispatchedOf(await gateway.pool()) - dispatchedOf(before);
    assert.equal(dispatched, answers.filter(({ attempts }) => attempts > 0).length, 'each is charged once');
    const scraped = await (await fetch(`${gateway.url}/metrics`)).text();
    const tokens =
      sumOf(scraped, 'tokligence_output_tokens_total') - sumOf(scrapedBefore, 'tokligence_output_tokens_total');
    assert.equal(
      tokens,
      mine.reduce((sum, { output_tokens: output = 0 }) => sum + (output ?? 0), 0),
    );
  };
  await fc.assert(fc.asyncProperty(runs, run), { numRuns: 12, endOnFailure: true });
});
