// The content of answers, through the whole gateway: success, usage, redirects.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { requestsOf } from '../support/requests-of.ts';
import { until } from '../support/until.ts';

const stream = (...events: string[]): Reply => ({
  headers: { 'content-type': 'text/event-stream' },
  body: events.join(''),
});
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (type: string, more: object = {}) => `event: ${type}\n${data({ type, ...more })}`;
const piece = data({ choices: [{ index: 0, delta: { content: 'a' } }] });
const done = 'data: [DONE]\n\n';

async function arrange(t: TestContext, reply: Reply, more: { provider?: string; clock?: ManualClock } = {}) {
  const upstream = await startFakeUpstream(t, reply);
  const ini = poolIni(upstream, { seats: 2, provider: more.provider ?? '' });
  const gateway = await startGateway(t, { ini, overrides: more.clock ? { clock: more.clock } : {} });
  return { upstream, gateway };
}

const health = async ({ admin }: TestGateway) => (await admin('GET', '/admin/providers')).body.providers[0].health;

const serverError = { error: { message: 'engine overloaded', type: 'server_error', code: '1302' } };
const tooLong = { error: { message: 'too long', type: 'invalid_request_error', code: 'context_length_exceeded' } };

test('an answer that is an error inside is no success, and its bytes pass as they are', async t => {
  const answers: Reply[] = [
    stream(data(serverError), done),
    stream(named('error', { error: { type: 'overloaded_error', message: 'Overloaded' } })),
    stream(named('response.created'), named('response.failed', { response: { error: { code: 'server_error' } } })),
    stream(piece, data({ error: { message: 'cuda oom', type: 'server_error', code: 500 } })),
    stream(),
    { body: { error: { message: 'Provider returned error', code: 429 } } },
    { body: '' },
  ];
  const { upstream, gateway } = await arrange(t, {});
  for (const [index, answer] of answers.entries()) {
    upstream.reply(answer);
    const response = await gateway.chat(adminKey, { stream: true });
    const { body } = answer;
    assert.equal(await response.text(), typeof body === 'string' ? body : JSON.stringify(body));
    const line = (await requestsOf(gateway, index + 1)).at(-1);
    assert.deepEqual([line.outcome, line.status], ['upstream_error', 200], JSON.stringify(answer));
    const { state, failures } = await health(gateway);
    assert.deepEqual([state, failures], ['failing', index + 1], JSON.stringify(answer));
  }
  await until(() => gateway.log.some(line => line.includes('it answered with an error (server_error, 1302)')));
});

test('an error that a client can provoke does not mark a provider as failing', async t => {
  const { upstream, gateway } = await arrange(t, {});
  assert.equal((await gateway.chat(adminKey)).status, 200);
  const answers: Reply[] = [
    stream(data(tooLong)),
    stream(data({ error: { message: 'flagged', code: 'content_filter' } })),
    { body: tooLong },
    { body: { error: 'I do not like this' } },
    { body: tooLong, status: 400 },
    { body: tooLong, status: 413 },
  ];
  for (const [index, answer] of answers.entries()) {
    upstream.reply(answer);
    await (await gateway.chat(adminKey)).text();
    assert.equal((await requestsOf(gateway, index + 2)).at(-1).outcome, 'upstream_error', JSON.stringify(answer));
    const { state, failures } = await health(gateway);
    assert.deepEqual([state, failures], ['ok', 0], JSON.stringify(answer));
  }
});

test('a redirect is not followed and reaches no client, nor does a status that is none', async t => {
  const { upstream, gateway } = await arrange(t, {});
  const place = 'https://internal-gpu.example:8443/v1/chat/completions?token=secret';
  for (const [index, status] of [301, 302, 303, 304, 307, 308].entries()) {
    upstream.reply({ status, headers: { location: place }, body: '' });
    const response = await gateway.chat(adminKey);
    assert.equal(response.status, 502);
    assert.equal(response.headers.get('location'), null);
    assert.match(await response.text(), /answered with a redirect, which is not followed/);
    const line = (await requestsOf(gateway, index + 1)).at(-1);
    assert.equal(line.outcome, 'upstream_failed');
  }
  assert.equal((await health(gateway)).state, 'failing');
  await until(() =>
    gateway.log.some(line =>
      line.includes('it answered 307 to https://internal-gpu.example:8443/v1/chat/completions"'),
    ),
  );
  assert.ok(!gateway.log.some(line => line.includes('secret')));
  for (const status of [600, 999]) {
    upstream.reply({ status });
    const response = await gateway.chat(adminKey);
    assert.equal(response.status, 502);
    assert.match(await response.text(), /answered no status of HTTP/);
  }
  upstream.reply({ status: 201, headers: { location: place } });
  const created = await gateway.chat(adminKey);
  assert.deepEqual([created.status, created.headers.get('location')], [201, null]);
  await assertQuiet(gateway, upstream, 2);
});

test('an answer without usage is charged by estimate, and the log says so', async t => {
  const { upstream, gateway } = await arrange(t, { body: { choices: [{ message: { content: 'x'.repeat(4_000) } }] } });
  await (await gateway.chat(adminKey)).text();
  await (await gateway.chat(adminKey, { maxTokens: 64 })).text();
  upstream.reply({});
  await (await gateway.chat(adminKey)).text();
  const lines = await requestsOf(gateway, 3);
  assert.deepEqual(
    lines.map(line => [line.usage, line.output_tokens]),
    [
      ['estimated', Math.ceil(JSON.stringify({ choices: [{ message: { content: 'x'.repeat(4_000) } }] }).length / 4)],
      ['estimated', 64],
      ['reported', 12],
    ],
  );
});

test('numbers that are none do not break the log line or the metrics', async t => {
  const odd = '{"usage":{"prompt_tokens":1e999,"completion_tokens":-5,"total_tokens":"many"}}';
  const { gateway } = await arrange(t, { body: odd });
  await (await gateway.chat(adminKey)).text();
  const [line] = await requestsOf(gateway, 1);
  assert.ok(Number.isInteger(line.input_tokens) && Number.isInteger(line.output_tokens), JSON.stringify(line));
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  for (const [, value] of metrics.matchAll(/^tokligence_\w+tokens_total\{[^}]*\} (.*)$/gm))
    assert.match(value ?? '', /^\d+$/);
});

/** An upstream that speaks raw HTTP: a stream with a Content-Length, which breaks off before its end. */
async function startBreaking(t: TestContext, text: string, length: number): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer(socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ${length}\r\n\r\n`;
    socket.once('data', () => socket.write(head + text, () => socket.destroy()));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The bytes so far, and all bytes until the connection was closed. */
function rawChat(url: string): { text(): string; whole: Promise<string> } {
  const body = JSON.stringify({ model: 'm', stream: true, messages: [] });
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.setEncoding('latin1').on('data', came => (text += came));
  socket.on('error', () => {});
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  return { text: () => text, whole: new Promise(resolve => socket.once('close', () => resolve(text))) };
}

test('an event stream whose length is told never gets more bytes than that: it breaks off', async t => {
  for (const length of [5_000, piece.length + 20]) {
    const url = await startBreaking(t, piece, length);
    const gateway = await startGateway(t, { ini: `[provider.up]\ntype = openai\nbase_url = ${url}/v1\n` });
    const [head = '', body = ''] = (await rawChat(gateway.url).whole).split('\r\n\r\n');
    assert.match(head, new RegExp(`content-length: ${length}`, 'i'));
    assert.ok(piece.startsWith(body), body);
    assert.equal((await requestsOf(gateway, 1))[0].outcome, 'upstream_failed');
  }
});

test('at shutdown too, such a stream breaks off instead of getting an event', async t => {
  const upstream = await startFakeUpstream(t, {
    headers: { 'content-length': '100000', 'content-type': 'text/event-stream' },
    chunks: 3,
    gated: true,
  });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1 }) });
  const reading = rawChat(gateway.url);
  await upstream.waitForActive(1);
  await until(() => {
    upstream.release(1);
    return reading.text().includes('w0 ');
  });
  gateway.app.hurry();
  await gateway.app.stop();
  assert.doesNotMatch(await reading.whole, /shutting down/);
});

test('a client that closes right after the last event has been served, and the connection upstream is kept', async t => {
  const lasts = [done, named('message_stop'), named('response.completed', { response: { usage: null } })];
  for (const last of lasts) {
    const { upstream, gateway } = await arrange(t, {});
    const leaving = new AbortController();
    // The last event and the end of the answer come separately.
    upstream.reply(slowEnd(piece + data({ usage: { prompt_tokens: 3, completion_tokens: 2 } }) + last));
    const response = await gateway.chat(adminKey, { stream: true, signal: leaving.signal });
    const reader = response.body?.getReader();
    let text = '';
    while (!text.includes(last)) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    leaving.abort();
    await until(async () => (await gateway.pool()).in_use === 1 && upstream.active === 1);
    upstream.open();
    const [line] = await requestsOf(gateway, 1);
    assert.deepEqual([line.outcome, line.output_tokens, line.usage], ['served', 2, 'reported'], last);
    assert.equal(upstream.requests[0]?.ended, 'answered');
    upstream.reply({});
    assert.equal((await gateway.chat(adminKey)).status, 200);
    assert.equal(upstream.connections, 1, last);
  }
});

/** All events at once; the end of the answer waits for a release. */
const slowEnd = (text: string): Reply => ({ events: text, gated: true });

test('an upstream that does not end its stream within a second of the last event loses its connection', async t => {
  const clock = new ManualClock();
  const { upstream, gateway } = await arrange(t, slowEnd(piece + done), { clock });
  const leaving = new AbortController();
  const response = await gateway.chat(adminKey, { stream: true, signal: leaving.signal });
  const reader = response.body?.getReader();
  let text = '';
  while (!text.includes(done)) text += Buffer.from((await reader?.read())?.value ?? []).toString();
  const alarms = clock.pending;
  leaving.abort();
  await until(() => clock.pending === alarms + 1);
  clock.advance(999);
  assert.equal((await gateway.pool()).in_use, 1);
  clock.advance(1);
  const [line] = await requestsOf(gateway, 1);
  assert.equal(line.outcome, 'served');
  await assertQuiet(gateway, upstream, 2);
});

test('a client that leaves before the last event has left', async t => {
  const { upstream, gateway } = await arrange(t, slowEnd(piece));
  const leaving = new AbortController();
  const response = await gateway.chat(adminKey, { stream: true, signal: leaving.signal });
  await response.body?.getReader().read();
  leaving.abort();
  const [line] = await requestsOf(gateway, 1);
  assert.deepEqual([line.outcome, line.usage], ['client_left', 'estimated']);
  await assertQuiet(gateway, upstream, 2);
});

test('an answer that drips for ever ends with the total time of its provider', async t => {
  const clock = new ManualClock();
  const { upstream, gateway } = await arrange(
    t,
    { chunks: 9, gated: true },
    { clock, provider: 'total_timeout_sec = 60' },
  );
  const response = await gateway.chat(adminKey, { stream: true });
  const reading = response.text();
  for (let chunk = 0; chunk < 5; chunk++) {
    await until(() => upstream.active === 1);
    upstream.release(1);
    clock.advance(10_000);
  }
  assert.equal((await gateway.pool()).in_use, 1);
  clock.advance(10_000);
  assert.match(await reading, /"message":"The upstream's answer took longer than 60 s\."/);
  const [line] = await requestsOf(gateway, 1);
  assert.equal(line.outcome, 'upstream_failed');
  assert.equal(await waitingIn(gateway), 0);
  await assertQuiet(gateway, upstream, 2);
});

test('headers that carry authority stay here unless the provider passes them', async t => {
  const secrets = {
    'openai-organization': 'org',
    'openai-project': 'proj',
    'ocp-apim-subscription-key': 'k',
    'x-amz-security-token': 't',
    'x-goog-user-project': 'p',
    'helicone-auth': 'Bearer h',
    'x-functions-key': 'f',
    'x-auth-token': 'x',
    apikey: 'a',
  };
  const harmless = { 'idempotency-key': 'i', 'anthropic-beta': 'b', 'x-stainless-lang': 'js', 'session-id': 's' };
  const seen = async (provider: string) => {
    const { upstream, gateway } = await arrange(t, {}, { provider });
    await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, ...secrets, ...harmless },
      body: '{"model":"m","messages":[]}',
    });
    return upstream.requests[0]?.headers ?? {};
  };
  const kept = await seen('');
  assert.deepEqual(
    Object.keys(secrets).filter(name => name in kept),
    [],
  );
  for (const [name, value] of Object.entries(harmless)) assert.equal(kept[name], value, name);
  const passed = await seen('pass_headers = OpenAI-Organization, x-amz-security-token');
  assert.deepEqual(
    Object.keys(secrets).filter(name => name in passed),
    ['openai-organization', 'x-amz-security-token'],
  );
});

test('a picture in base64 counts as a picture, whichever dialect it comes in', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: `${poolIni(upstream, { seats: 4, provider: 'pool = p' })}
[provider.claude]
type = anthropic
base_url = ${upstream.url}
pool = p
[pool.p]
max_tokens_in_flight = 100000`,
  });
  const picture = Buffer.alloc(600_000, 7).toString('base64');
  const source = { type: 'base64', media_type: 'image/png', data: picture };
  const ask = async (path: string, content: unknown) => {
    const response = await fetch(gateway.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ model: 'm', max_tokens: 100, messages: [{ role: 'user', content: [content] }] }),
    });
    return [response.status, await response.text()] as const;
  };
  const served = [
    await ask('/v1/chat/completions', { type: 'image_url', image_url: { url: `data:image/png;base64,${picture}` } }),
    await ask('/v1/chat/completions', { type: 'input_audio', input_audio: { data: picture, format: 'wav' } }),
    await ask('/v1/responses', { type: 'input_image', image_url: `data:image/png;base64,${picture}` }),
    await ask('/v1/messages', { type: 'image', source }),
    await ask('/v1/messages', { type: 'document', source: { ...source, media_type: 'application/pdf' } }),
  ];
  for (const [status, text] of served) assert.equal(status, 200, text);
  const [status, text] = await ask('/v1/messages', { type: 'text', text: picture });
  assert.equal(status, 400, 'as text it is far too long');
  assert.match(text, /needs about 20\d{4} tokens/);
});

test('a key has at most as many requests under way as it may, waiting ones included', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, {
    ini: poolIni(upstream, { seats: 1 }),
    env: { TOKLIGENCE_AUTH_MAX_STREAMS_PER_KEY: '2' },
  });
  const [one, other] = [await gateway.createKey(), await gateway.createKey()];
  const running = gateway.chat(one);
  await upstream.waitForActive(1);
  const waiting = gateway.chat(one);
  await until(async () => (await waitingIn(gateway)) === 1);
  const third = await gateway.chat(one);
  assert.deepEqual([third.status, third.headers.get('retry-after')], [429, '1']);
  assert.match(await third.text(), /"This key has 2 requests under way.*"code":"tenant_limit"/);
  const theirs = gateway.chat(other);
  upstream.open();
  for (const answer of [running, waiting, theirs]) assert.equal((await answer).status, 200);
  assert.equal((await gateway.chat(one)).status, 200);
});
