// Requests of a provider with an affinity, through the front door: at which of four endpoints they are served.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { endedRequests, providerIni, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const seats = 4;

interface Arranged {
  readonly gateway: TestGateway;
  readonly upstreams: readonly FakeUpstream[];
  /** Sends a request and returns the place of the endpoint that served it. */
  served(request?: Sent): Promise<number>;
  counted(): Promise<Record<string, number>>;
}

interface Sent {
  readonly session?: string;
  readonly key?: string;
  readonly messages?: readonly string[];
}

async function arrange(
  t: TestContext,
  affinity: string,
  { endpoints = 4, reply = {}, clock }: { endpoints?: number; reply?: Reply; clock?: ManualClock } = {},
): Promise<Arranged> {
  const upstreams = await Promise.all(Array.from({ length: endpoints }, () => startFakeUpstream(t, reply)));
  const ini = providerIni('gpu', { url: upstreams.map(v1).join(', '), seats, more: `affinity = ${affinity}` });
  const gateway = await startGateway(t, { ini, ...(clock && { overrides: { clock } }) });
  const received = () => upstreams.map(({ requests }) => requests.length);
  return {
    gateway,
    upstreams,
    async served(request = {}) {
      const before = received();
      const answer = await send(gateway, request);
      assert.equal(answer.status, 200);
      await answer.text();
      return received().findIndex((count, nth) => count > (before[nth] ?? 0));
    },
    async counted() {
      const text = await (await fetch(`${gateway.url}/metrics`)).text();
      const lines = text.matchAll(/^tokligence_affinity_total\{outcome="(\w+)",provider="gpu"\} (\d+)$/gm);
      return Object.fromEntries([...lines].map(([, outcome = '', count]) => [outcome, Number(count)]));
    },
  };
}

const send = ({ url }: TestGateway, { session, key = adminKey, messages = ['hello'] }: Sent): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...(session === undefined ? {} : { 'x-session-id': session }) },
    body: JSON.stringify({ model: 'gpu-only', messages: messages.map(content => ({ role: 'user', content })) }),
  });

const each = async <T>(items: readonly T[], act: (item: T) => Promise<number>): Promise<number[]> => {
  const places: number[] = [];
  for (const item of items) places.push(await act(item));
  return places;
};
const sessions = Array.from({ length: 64 }, (_, nth) => `session-${nth}`);

test('a session stays at its endpoint, sessions are at all of them, and the metrics tell of it', async t => {
  const { gateway, served, counted } = await arrange(t, 'session');
  const first = await each(sessions, session => served({ session }));
  assert.equal(new Set(first).size, 4);
  const again = await each(sessions, session => served({ session }));
  assert.deepEqual(again, first);
  await until(() => endedRequests(gateway).length === 128);
  assert.deepEqual(await counted(), { warm: 128 });
  assert.ok(endedRequests(gateway).every(({ affinity }) => affinity === 'warm'));
});

test('requests that name no session stay where their key is at home', async t => {
  const { gateway, served } = await arrange(t, 'session');
  for (let nth = 0; nth < 3; nth++) {
    const key = await gateway.createKey();
    const places = await each([1, 2, 3, 4], () => served({ key }));
    assert.equal(new Set(places).size, 1);
  }
});

test('while an endpoint is drained only its sessions are elsewhere, and they come back as its seats do', async t => {
  const clock = new ManualClock();
  const { gateway, upstreams, served } = await arrange(t, 'session', { clock });
  const homes = await each(sessions, session => served({ session }));
  const [drained = 0] = homes;
  const id = encodeURIComponent(upstreams[drained]?.url ?? '');
  assert.equal((await gateway.admin('POST', `/admin/providers/gpu/endpoints/${id}/drain`)).status, 200);
  const meanwhile = await each(sessions, session => served({ session }));
  for (const [nth, home] of homes.entries()) {
    if (home === drained) assert.notEqual(meanwhile[nth], drained);
    else assert.equal(meanwhile[nth], home);
  }
  assert.equal((await gateway.admin('POST', `/admin/providers/gpu/endpoints/${id}/resume`)).status, 200);
  // It starts slowly, with one of its four seats.
  const atFirst = await each(sessions, session => served({ session }));
  for (const [nth, place] of atFirst.entries()) assert.ok(place === homes[nth] || place === meanwhile[nth]);
  assert.notDeepEqual(atFirst, homes);
  for (let second = 0; second < 6; second++) clock.advance(1_000);
  assert.deepEqual(await each(sessions, session => served({ session })), homes);
});

test('one session never waits while any endpoint has a free seat, and fills none beyond its share', async t => {
  const { gateway, upstreams, counted } = await arrange(t, 'session', { reply: { hold: true } });
  const answers: Promise<Response>[] = [];
  for (let sent = 1; sent <= 4 * seats; sent++) {
    answers.push(send(gateway, { session: 'the only one' }));
    const active = () => upstreams.map(upstream => upstream.active);
    await until(() => active().reduce((sum, count) => sum + count) === sent);
    const most = Math.max(...active());
    assert.ok(most <= Math.ceil((1.25 * sent) / 4), `${active()} of ${sent}`);
  }
  for (const upstream of upstreams) upstream.open();
  for (const answer of await Promise.all(answers)) await answer.text();
  await until(() => endedRequests(gateway).length === 16);
  const { warm = 0, moved = 0 } = await counted();
  assert.equal(warm + moved, 16);
  assert.ok(warm >= 4 && moved >= 8, `${warm} warm, ${moved} moved`);
});

test('a conversation goes on where it was, and none is known before its first kilobyte', async t => {
  const { gateway, served, counted } = await arrange(t, 'prefix');
  const conversations = Array.from({ length: 12 }, (_, nth) => [`conversation ${nth} ${'x'.repeat(1500)}`]);
  const first = await each(conversations, messages => served({ messages }));
  for (const turn of ['second', 'third'])
    assert.deepEqual(
      await each(conversations, messages => {
        messages.push(`the ${turn} question ${'y'.repeat(3000)}`);
        return served({ messages });
      }),
      first,
    );
  await served({ messages: ['short'] });
  await until(() => endedRequests(gateway).length === 37);
  assert.deepEqual(await counted(), { none: 13, warm: 24 });
});

test('nothing is counted for a provider of one endpoint, or without affinity', async t => {
  for (const [affinity, endpoints] of [
    ['session', 1],
    ['none', 4],
  ] as const) {
    const { gateway, served, counted } = await arrange(t, affinity, { endpoints });
    const places = await each([1, 2, 3, 4, 5, 6, 7, 8], () => served({ session: 's' }));
    assert.equal(new Set(places).size, endpoints);
    await until(() => endedRequests(gateway).length === 8);
    assert.deepEqual(await counted(), {});
    assert.ok(endedRequests(gateway).every(line => !('affinity' in line)));
  }
});
