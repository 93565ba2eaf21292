// The order of service depends on tokens: on those already produced, and on those that the upstream reports at the end.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { poolIni, waitingIn } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';

const outputOf = (completion_tokens: number): Reply => ({ body: { usage: { prompt_tokens: 9, completion_tokens } } });

/** The upstream's answer for each model below. */
const replies: Record<string, Reply> = {
  held: { hold: true },
  'streams 1000 tokens': { chunks: 1_000, fault: 'stall' },
  'had 500 tokens': outputOf(500),
  'had 2 tokens': outputOf(2),
};

const modelOf = (body: Buffer): string => JSON.parse(body.toString()).model;

/**
 * Two seats. Another tenant holds the first, so that the level is never idle. The tenant `past` has been served and has
 * ended; the tenant `present` is running on the second. Then both queue, `present` before `past`, and the first seat
 * becomes free: returns the tenant whose request goes upstream.
 */
async function whoIsNext(t: TestContext, past: string, present: string): Promise<string> {
  const upstream: FakeUpstream = await startFakeUpstream(t, ({ body }) => replies[modelOf(body)] ?? { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 2 }) });
  const [pastKey, presentKey] = [await gateway.createKey(), await gateway.createKey()];
  const held = gateway.chat(adminKey, { model: 'held' });
  await upstream.waitForRequests(1);
  assert.equal((await gateway.chat(pastKey, { model: past })).status, 200);

  const leaving = new AbortController();
  const running = gateway.chat(presentKey, { model: present, stream: true, signal: leaving.signal });
  const isStream = replies[present]?.chunks !== undefined;
  if (isStream) await readUntil(await running, 'w999 ');
  else await upstream.waitForRequests(3);
  const queued: Promise<unknown>[] = [];
  for (const [key, model] of [
    [presentKey, 'present'],
    [pastKey, 'past'],
  ] as const) {
    queued.push(gateway.chat(key, { model, signal: leaving.signal }).catch(() => null));
    await until(async () => (await waitingIn(gateway)) === queued.length);
  }
  upstream.release(1);
  await held;
  await upstream.waitForRequests(4);
  leaving.abort();
  await Promise.all([...queued, running.catch(() => null)]);
  return modelOf(upstream.requests[3]?.body ?? Buffer.from('{}'));
}

async function readUntil(answer: Response, text: string): Promise<void> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let seen = ''; !seen.includes(text); ) {
    const { value, done } = (await reader?.read()) ?? assert.fail();
    assert.ok(!done, seen.slice(-200));
    seen = (seen + value).slice(-10_000);
  }
}

test('a stream is charged while it passes: a tenant that has had a thousand tokens yields to one that has had five hundred', async t => {
  assert.equal(await whoIsNext(t, 'had 500 tokens', 'streams 1000 tokens'), 'past');
});

test('before anything has passed the expected 256 tokens count, so the same tenant goes first', async t => {
  assert.equal(await whoIsNext(t, 'had 500 tokens', 'waits for its answer'), 'present');
});

test('a tenant that was charged for more than the upstream reports gets the difference back', async t => {
  assert.equal(await whoIsNext(t, 'had 2 tokens', 'waits for its answer'), 'past');
});
