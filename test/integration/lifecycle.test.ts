// docs/lifecycle.md: each row that can be had at once is tried, in both dialects where an error is told, and has to end as the page says.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ErrorCode, errorKinds } from '../../src/domain/errors.ts';
import type { Dialect } from '../../src/domain/vocabulary.ts';
import { root } from '../support/accounts.ts';
import { type Answered, Attempt } from '../support/attempt.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

interface Row {
  readonly what: string;
  readonly answer: string;
  readonly outcome: string;
}

const page = readFileSync(join(root, 'docs/lifecycle.md'), 'utf8');
const rows: Row[] = [...page.matchAll(/^\| (?!what ends it)([^|]+) \| ([^|]+) \| ([^|]+) \|.*\|$/gm)].map(
  ([, what = '', answer = '', outcome = '']) => ({ what, answer, outcome: outcome.replaceAll('`', '') }),
);

/** Rows that need minutes, a database that goes away, a stop, or a route of one dialect, and the file of tests that has them. */
const triedElsewhere: Readonly<Record<string, string>> = {
  'all targets are down, and the next probe comes too late for it': 'integration/failover',
  'nothing was sent for 10 s': 'integration/http-requests',
  'an idle connection makes room for another, or was idle for 75 s': 'integration/connections',
  'all connections that may be open have a request under way': 'integration/connections',
  'the gateway has closed its port': 'integration/leaving',
  'the headers began and are not complete after 10 s': 'integration/http-requests',
  'the key is not known here, and the database does not answer within 5 s': 'integration/identity-outage',
  'the body has come in more slowly than `min_body_bytes_per_sec` for twenty seconds': 'integration/request-bodies',
  'the tenant has too much coming in': 'integration/request-bodies',
  'too much is coming in from all, and this upload is the slowest of the worst level': 'integration/request-bodies',
  'more than 16 requests were sent ahead on the connection': 'integration/faults-clients',
  'the body is not complete after 300 s': 'integration/http-requests',
  'the gateway is draining': 'integration/drain',
  'the gateway stops, and `queue_drain_sec` is over': 'integration/drain',
  'the proxy on the way refuses the call or does not answer': 'integration/forward-proxy',
  'a page asks whether it may call, and `cors_origins` does not name it': 'integration/cors',
  'it asks for `/v1/realtime`': 'integration/more-paths',
  'the tenant has not made the stored response that it asks for': 'integration/stored-responses',
  'the tenant has 32 requests for stored responses under way': 'integration/stored-responses',
  'the route takes a form and gets something else, or the reverse': 'integration/more-paths',
  'a form has no end, names two models, or could be read in two ways': 'integration/more-paths',
  'the provider takes the first routes only (`passthrough = off`)': 'integration/more-paths',
  'no model is named where none is needed, and no provider serves all': 'integration/more-paths',
};

type Scenario = (attempt: Attempt) => Promise<Answered>;

/** Its tenant has no seat left of its own: `user:1` is the admin of the tests. */
const oneSeatOfItsOwn = '[tenant.user:1]\nmax_concurrent = 1\n';
const oneSeat = { provider: 'max_concurrent = 1' };
const streamed = (attempt: Attempt) => attempt.ask({}, attempt.body({ stream: true }));
const oneDelta = { chunks: 1 } as const;

const scenarios: Readonly<Record<string, Scenario>> = {
  'the bytes are no HTTP': async a => (await a.open()).sendRaw(`POST ${a.path} HTTP/1.1\r\nno header\r\n\r\n`),
  'the headers are longer than 16 KiB': async a =>
    (await a.open()).sendRaw(`POST ${a.path} HTTP/1.1\r\nHost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
  'the version is neither 1.0 nor 1.1, or `Host` is missing, empty, sent twice or malformed': async a =>
    (await a.open()).sendRaw(`POST ${a.path} HTTP/1.1\r\nX-Request-Id: the-one\r\n\r\n`),
  '`Expect` asks for something else than `100-continue`': async a =>
    (await a.open()).sendRaw(`POST ${a.path} HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nX-Request-Id: the-one\r\n\r\n`),
  'no route has this method and path': async a => (await a.open()).ask({}, '{}', { path: `${a.path}/nothing` }),
  'no key, two different keys, or one that is unknown, expired or revoked, or whose user is inactive': async a =>
    (await a.open()).ask({ authorization: 'Bearer tok_nobody' }),
  'it is the twenty-first wrong key of its address within a minute': async a => {
    await a.open();
    for (let count = 1; count <= 20; count++) {
      const { status } = await a.ask({ authorization: `Bearer tok_${count}`, 'x-request-id': `wrong-${count}` });
      assert.equal(status, 401);
    }
    return a.ask({ authorization: 'Bearer tok_21' });
  },
  '`auth.disabled` is set, and a web page or a foreign `Host` asks': async a =>
    (await a.open({}, { env: { TOKLIGENCE_AUTH_DISABLED: 'true' } })).ask({ origin: 'http://evil.example' }),
  '`X-Priority` is not one digit, sent once': async a => (await a.open()).ask({ 'x-priority': 'high' }),
  'the key has `max_streams_per_key` requests under way': async a => {
    await a.open({ hold: true }, { env: { TOKLIGENCE_AUTH_MAX_STREAMS_PER_KEY: '1' } });
    await a.crowd(1);
    return a.ask();
  },
  '`Content-Encoding` is not `identity`': async a => (await a.open()).ask({ 'content-encoding': 'gzip' }),
  'the body is larger than `max_body_mb`': async a =>
    (await a.open({}, { env: { TOKLIGENCE_GATEWAY_MAX_BODY_MB: '1' } })).ask({}, 'x'.repeat(2 ** 20 + 1)),
  'the body is no JSON object, nests deeper than 512 levels, or a field that the gateway reads is malformed': async a =>
    (await a.open()).ask({}, '[]'),
  'the client leaves while it sends': async a => {
    await a.open();
    const wire = await openWire(a.t, a.gateway.url);
    wire.send(`${a.head({ 'Content-Length': '9' })}{`);
    await until(async () => /^tokligence_connections [^0]/m.test(await a.get('/metrics')));
    wire.leave();
    return { status: null, body: '' };
  },
  'the chunks of the body are malformed': async a =>
    (await a.open()).sendRaw(`${a.head({ 'Transfer-Encoding': 'chunked' })}no chunk\r\n`),
  'no provider serves the model on this route': async a => (await a.open()).ask({}, a.body({ model: 'other' })),
  '`X-Tokligence-Max-Wait-Ms` is no whole number': async a =>
    (await a.open()).ask({ 'x-tokligence-max-wait-ms': 'soon' }),
  'the request alone needs more than `max_tokens_in_flight`': async a =>
    (await a.open({}, { pool: 'max_tokens_in_flight = 1' })).ask(),
  'the tenant has `max_queue_depth` requests waiting': async a => {
    await a.open({ hold: true }, { ...oneSeat, tenant: `${oneSeatOfItsOwn}max_queue_depth = 0\n` });
    await a.crowd(1);
    return a.ask();
  },
  'the level or the pool has as many requests or bytes waiting as it may': async a => {
    await a.open({ hold: true }, { ...oneSeat, pool: 'max_queue_depth = 0' });
    await a.crowd(1);
    return a.ask();
  },
  'no seat can be expected within the time that the request may wait': async a => {
    await a.open({ status: 429, headers: { 'retry-after': '50' } });
    // Closes the model for longer than anybody of this level may wait.
    await a.ask({ 'x-request-id': 'other', 'x-tokligence-max-wait-ms': '1' });
    return a.ask({ 'x-tokligence-max-wait-ms': '1' });
  },
  'a full queue evicts it: it is the newest of the longest queue, or of the worst level': async a => {
    await a.open({ hold: true }, { ...oneSeat, pool: 'max_queue_depth_pool = 1' });
    await a.crowd(1);
    const asked = a.ask({ 'x-priority': '9' });
    await until(async () => (await a.waitingNow()) === 1);
    void a.ask({ 'x-request-id': 'better', 'x-priority': '0' });
    return asked;
  },
  'it has waited for `queue_timeout_sec`, or for what its client would wait': async a => {
    await a.open({ hold: true }, { ...oneSeat, pool: 'queue_timeout_sec = 0.05' });
    await a.crowd(1);
    return a.ask();
  },
  'it has waited as long, held back by limits of its own tenant': async a => {
    await a.open({ hold: true }, { pool: 'queue_timeout_sec = 0.05', tenant: oneSeatOfItsOwn });
    await a.crowd(1);
    return a.ask();
  },
  'the client leaves while it waits': async a => {
    await a.open({ hold: true }, oneSeat);
    await a.crowd(1);
    return a.leave(() => until(async () => (await a.waitingNow()) === 1));
  },
  'the upstream refuses the connection, is not found, or its certificate is not trusted': async a => {
    await a.open();
    await a.upstream.close();
    return a.ask();
  },
  'the upstream accepts no connection within `connect_timeout_sec`': async a => {
    // It takes the connection and never answers the handshake of TLS, which belongs to connecting.
    const mute = await startRawUpstream(a.t, () => {});
    const at = mute.url.replace('http:', 'https:');
    return (await a.open({}, { at, provider: 'connect_timeout_sec = 0.1' })).ask();
  },
  'the upstream resets the connection before its headers': async a => (await a.open({ fault: 'reset' })).ask(),
  'the upstream sends no headers within `first_byte_timeout_sec`': async a =>
    (await a.open({ fault: 'silence' }, { provider: 'first_byte_timeout_sec = 0.05' })).ask(),
  'the upstream redirects, or answers with no status of HTTP': async a =>
    (await a.open({ status: 302, headers: { location: 'http://elsewhere.example/' } })).ask(),
  'the upstream answers with an error of its own': async a => (await a.open({ status: 418, body: { mine: 1 } })).ask(),
  'the client leaves before the upstream answers': async a => {
    await a.open({ hold: true });
    return a.leave(() => a.upstream.waitForActive(1));
  },
  'the gateway stops, and `shutdown_grace_sec` is over': async a => {
    await a.open({ hold: true });
    const asked = a.ask();
    await a.upstream.waitForActive(1);
    const stopped = a.gateway.app.stop();
    const answered = await asked;
    await stopped;
    return answered;
  },
  'the upstream breaks off in the middle of a stream': async a =>
    streamed(await a.open({ ...oneDelta, fault: 'break' })),
  'the upstream breaks off in the middle of an answer that is no stream': async a =>
    (await a.open({ fault: 'break' })).ask(),
  'the upstream is silent for `idle_timeout_sec` in a stream': async a =>
    streamed(await a.open({ ...oneDelta, fault: 'stall' }, { provider: 'idle_timeout_sec = 0.05' })),
  'the answer takes longer than `total_timeout_sec`': async a =>
    streamed(await a.open({ ...oneDelta, fault: 'stall' }, { provider: 'total_timeout_sec = 2' })),
  'the gateway stops, and `shutdown_grace_sec` is over in a stream': async a => {
    await a.open({ ...oneDelta, fault: 'stall' });
    const answer = await fetch(a.gateway.url + a.path, {
      method: 'POST',
      headers: a.headers(),
      body: a.body({ stream: true }),
    });
    const text = answer.text();
    const stopped = a.gateway.app.stop();
    const body = await text;
    await stopped;
    return { status: answer.status, body };
  },
  'the client leaves in the middle of a stream': async a => {
    await a.open({ chunks: 2, gated: true });
    const leaving = new AbortController();
    const init = { method: 'POST', headers: a.headers(), body: a.body({ stream: true }), signal: leaving.signal };
    const { status } = await fetch(a.gateway.url + a.path, init);
    leaving.abort();
    return { status, body: '' };
  },
  'the client leaves the answer unread for `idle_timeout_sec`': async a => {
    await a.open({ body: Buffer.alloc(24 * 2 ** 20, 'x') }, { provider: 'idle_timeout_sec = 0.3' });
    const body = a.body();
    const { hostname, port } = new URL(a.gateway.url);
    const socket = connect(Number(port), hostname).on('error', () => {});
    a.t.after(() => socket.destroy());
    socket.pause().write(a.head({ 'content-length': String(body.length) }) + body);
    await a.outcome();
    let text = '';
    socket.on('data', piece => (text += piece.toString('latin1', 0, 12))).resume();
    await once(socket, 'close');
    return { status: Number(text.slice(9, 12)), body: '', isBrokenOff: true };
  },
  'the answer is a success by its status and an error inside, or has no event at all': async a =>
    streamed(await a.open({ events: 'data: {"error":{"message":"no","type":"server_error"}}\n\n' })),
  'nothing: the answer has come to its end': async a => (await a.open()).ask(),
};

/** The code of an error as the dialect spells it: Anthropic's shape has its type only. */
function assertTold(dialect: Dialect, code: ErrorCode, body: string, what: string): void {
  const isEvent = !body.startsWith('{');
  const last = body.trim().split('\n').at(-1) ?? '';
  const told = JSON.parse(isEvent ? last.replace(/^data: /, '') : body);
  if (dialect === 'openai') {
    assert.deepEqual([told.error.code, told.error.type], [code, errorKinds[code].openaiType], what);
    return;
  }
  assert.deepEqual([told.type, told.error.type], ['error', errorKinds[code].anthropicType], what);
  if (isEvent) assert.match(body, /event: error\ndata: .+\n\n$/, what);
}

function assertAnswered(dialect: Dialect, { what, answer }: Row, answered: Answered): void {
  const [code] = answer.match(/(?<=`)[a-z_]+(?=`)/) ?? [];
  if (answer === "the upstream's") {
    assert.equal(answered.status, 418, what);
    return;
  }
  assert.equal(answered.status, answer.startsWith('none') ? null : Number(answer.slice(0, 3)), what);
  assert.equal(answered.isBrokenOff ?? false, answer.includes('broken off'), what);
  if (code !== undefined) assertTold(dialect, code as ErrorCode, answered.body, what);
}

test('every row is tried, here or in a file of tests that there is', () => {
  assert.ok(rows.length >= 45, `${rows.length} rows`);
  assert.deepEqual(
    rows.map(({ what }) => what).toSorted(),
    [...Object.keys(scenarios), ...Object.keys(triedElsewhere)].toSorted(),
  );
  for (const file of new Set(Object.values(triedElsewhere)))
    assert.equal(globSync(join(root, `test/${file}.test.ts`)).length, 1, file);
});

for (const dialect of ['openai', 'anthropic'] as const)
  test(`requests end as the page on their life says: ${dialect}`, { timeout: 110_000, concurrency: 6 }, async t => {
    // Where no error is told, the dialects do not differ.
    const tried = rows.filter(
      ({ what, answer }) => what in scenarios && (dialect === 'openai' || answer.includes('`')),
    );
    await Promise.all(tried.map(row => t.test(row.what, t => tryRow(new Attempt(t, dialect), row))));
  });

async function tryRow(attempt: Attempt, row: Row): Promise<void> {
  const answered = await scenarios[row.what]?.(attempt);
  assert.ok(answered !== undefined);
  assertAnswered(attempt.dialect, row, answered);
  assert.equal(await attempt.outcome(), row.outcome);
}
