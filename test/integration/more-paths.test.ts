// The routes beyond chat: audio, images, moderations, rerank, OCR and the like, by the official SDK where it has them.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import OpenAI, { AzureOpenAI, toFile } from 'openai';
import { rows } from '../../src/gateway/operation-rows.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';
import { openWire } from '../support/wire.ts';

const authorization = `Bearer ${adminKey}`;
const providerOf = ({ url }: FakeUpstream, more = '') =>
  `[provider.v]\ntype = openai\nbase_url = ${url}/v1\napi_key = vendor\nmax_concurrent = 2\n${more}\n`;

async function start(
  t: TestContext,
  more = '',
): Promise<{ gateway: TestGateway; upstream: FakeUpstream; openai: OpenAI }> {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: providerOf(upstream, more) });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  return { gateway, upstream, openai };
}

const seated = rows.filter(({ answers, needsPassthrough }) => answers === 'upstream' && needsPassthrough);

/** A body that the operation takes, with a model and without. */
function bodyFor(takes: string, model: string | null): { body: string | FormData; headers: Record<string, string> } {
  if (takes !== 'form') {
    const body = JSON.stringify({ ...(model === null ? {} : { model }), input: 'hello' });
    return { body, headers: { authorization, 'content-type': 'application/json' } };
  }
  const body = new FormData();
  body.set('file', new Blob(['RIFF']), 'a.wav');
  if (model !== null) body.set('model', model);
  return { body, headers: { authorization } };
}

const post = (url: string, takes: string, model: string | null) =>
  fetch(url, { method: 'POST', ...bodyFor(takes, model) });

test('each of the further routes takes a seat and reaches its path at the upstream', async t => {
  assert.equal(seated.length, 16);
  for (const { path, takes, upstreamPath, isAtRoot } of seated) {
    const { gateway, upstream } = await start(t);
    upstream.reply({ hold: true, body: { ok: true } });
    const answers = Array.from({ length: 4 }, () => post(gateway.url + path, takes, 'm'));
    await upstream.waitForActive(2);
    assert.deepEqual((await gateway.pool('v')).in_use, 2, path);
    upstream.open();
    for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200, path);
    const asked = isAtRoot ? upstreamPath : `/v1${upstreamPath}`;
    assert.equal(upstream.maxConcurrentOn(asked), 2, path);
    assert.ok(upstream.requests.every(({ headers }) => headers.authorization === 'Bearer vendor'));
    assert.equal((await gateway.pool('v')).in_use, 0);
    await gateway.app.stop();
  }
});

test('the further routes are spelled as loosely as the others', async t => {
  const { gateway, upstream } = await start(t);
  const urls = [
    '/v1/ocr/',
    '/openai/v1/ocr',
    '/openai/deployments/some/ocr?api-version=1',
    '/rerank/',
    '/tokenize?x=1',
  ];
  for (const url of urls) {
    const headers = { 'api-key': adminKey, 'content-type': 'application/json' };
    const answer = await fetch(gateway.url + url, { method: 'POST', headers, body: '{"model":"m"}' });
    assert.equal(answer.status, 200, url);
  }
  assert.deepEqual(
    upstream.requests.map(({ url }) => url),
    ['/v1/ocr', '/v1/ocr', '/v1/ocr?api-version=1', '/rerank', '/tokenize?x=1'],
  );
  const azure = new AzureOpenAI({ endpoint: gateway.url, apiKey: adminKey, apiVersion: '2024-10-21', maxRetries: 0 });
  upstream.reply({ body: { text: 'hello' } });
  const file = await toFile(Buffer.from('RIFF'), 'a.wav');
  assert.equal((await azure.audio.transcriptions.create({ model: 'whisper', file })).text, 'hello');
  for (const [method, path] of [
    ['GET', '/v1/audio/speech'],
    ['POST', '/v1/audio'],
    ['POST', '/v1/files'],
    ['POST', '/v1/batches'],
    ['POST', '/v1/images'],
    ['POST', '/v1/tokenize'],
    ['POST', '/v1/realtime/sessions'],
    ['POST', '/v1/responses/compact/x'],
  ] as const) {
    const answer = await fetch(gateway.url + path, { method, headers: { authorization } });
    assert.equal(answer.status, 404, path);
  }
});

test('the SDK sends a file of a recording as a stream, and reads its text, also as events', async t => {
  const { openai, upstream } = await start(t);
  const folder = await mkdtemp(join(tmpdir(), 'recording-'));
  t.after(() => rm(folder, { recursive: true }));
  const recording = Buffer.alloc(300_000, 'RIFF\r\n--x');
  await writeFile(join(folder, 'a.wav'), recording);
  const file = () => createReadStream(join(folder, 'a.wav'));
  upstream.reply({
    body: { text: 'hello', usage: { type: 'tokens', input_tokens: 40, output_tokens: 2, total_tokens: 42 } },
  });
  const { text } = await openai.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: file() });
  assert.equal(text, 'hello');
  const [seen] = upstream.requests;
  assert.match(seen?.headers['content-type'] ?? '', /^multipart\/form-data; ?boundary=/);
  assert.ok(seen?.body.includes(recording) && seen.body.includes('gpt-4o-transcribe'), 'byte for byte');
  upstream.reply({ body: { text: 'hallo' } });
  assert.equal((await openai.audio.translations.create({ model: 'whisper-1', file: file() })).text, 'hallo');

  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  const usage = { type: 'tokens', input_tokens: 40, output_tokens: 2, total_tokens: 42 };
  upstream.reply({
    events:
      event({ type: 'transcript.text.delta', delta: 'hel' }) +
      event({ type: 'transcript.text.done', text: 'hello', usage }),
  });
  const events: string[] = [];
  const stream = await openai.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: file(), stream: true });
  for await (const { type } of stream) events.push(type);
  assert.deepEqual(events, ['transcript.text.delta', 'transcript.text.done']);
});

test('the SDK makes speech, images and moderations', async t => {
  const { openai, upstream } = await start(t);
  const sound = Buffer.from([0, 255, 0x7b, 13, 10, 0x22]);
  upstream.reply({ body: sound, headers: { 'content-type': 'audio/mpeg' } });
  const speech = await openai.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'hello' });
  assert.deepEqual(Buffer.from(await speech.arrayBuffer()), sound);
  upstream.reply({ body: { created: 1, data: [{ b64_json: 'AAAA' }] } });
  const made = await openai.images.generate({ model: 'gpt-image-1', prompt: 'a cat' });
  assert.equal(made.data?.[0]?.b64_json, 'AAAA');
  const image = await toFile(Buffer.from('PNG'), 'a.png', { type: 'image/png' });
  await openai.images.edit({ model: 'gpt-image-1', image: [image, image], prompt: 'a dog' });
  await openai.images.createVariation({ image });
  upstream.reply({ body: { id: 'm', model: 'omni', results: [{ flagged: false }] } });
  assert.equal((await openai.moderations.create({ input: 'hello' })).results[0]?.flagged, false);
  assert.deepEqual(
    upstream.requests.map(({ url }) => url),
    ['audio/speech', 'images/generations', 'images/edits', 'images/variations', 'moderations'].map(
      path => `/v1/${path}`,
    ),
  );
});

test('edits of images are also taken as JSON; any other form of body than a route takes gets 415 before it is read', async t => {
  const { gateway, upstream } = await start(t);
  const asJson = await post(`${gateway.url}/v1/images/edits`, 'json', 'm');
  assert.equal(asJson.status, 200);
  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'multipart/form-data; boundary=x' };
  for (const [path, headers, status] of [
    ['/v1/audio/transcriptions', json, 415],
    ['/v1/audio/transcriptions', {}, 415],
    ['/v1/images/variations', json, 415],
    ['/v1/audio/translations', { 'content-type': 'multipart/mixed; boundary=x' }, 415],
    ['/v1/audio/translations', { 'content-type': 'multipart/form-data' }, 400],
    ['/v1/moderations', form, 415],
    ['/rerank', form, 415],
  ] as const) {
    const wire = await openWire(t, gateway.url);
    const lines = Object.entries({ authorization, 'content-length': '9000', ...headers });
    wire.send(`POST ${path} HTTP/1.1\r\nHost: x\r\n${lines.map(line => `${line.join(': ')}\r\n`).join('')}\r\n`);
    const said = await wire.said(/"param":"Content-Type"/);
    assert.match(said, new RegExp(`^HTTP/1.1 ${status} `), `${path} ${JSON.stringify(headers)}`);
    if (status === 415) assert.match(said, /unsupported_media_type/);
  }
  assert.equal(upstream.requests.length, 1);
});

test('a form that comes in any pieces goes up as it came; one that is cut or unclear is refused', async t => {
  const { gateway, upstream } = await start(t);
  const part = (name: string, content: string) =>
    `--x y\r\nContent-Disposition: form-data; name="${name}"${name === 'file' ? '; filename="a"' : ''}\r\n\r\n${content}\r\n`;
  const body = `${part('file', 'abc\r\n--x\r\ndef')}${part('model', 'm')}--x y--\r\n`;
  const head = (length: number) =>
    `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n` +
    `Content-Type: multipart/form-data; boundary="x y"\r\nContent-Length: ${length}\r\n\r\n`;
  const wire = await openWire(t, gateway.url);
  for (const byte of head(body.length) + body) wire.send(byte);
  await wire.said(/HTTP\/1.1 200 /);
  assert.equal(upstream.requests[0]?.body.toString(), body);
  const cut = await openWire(t, gateway.url);
  cut.send(head(body.length - 4) + body.slice(0, -4));
  assert.match(await cut.said(/invalid_request"/), /^HTTP\/1.1 400 [\s\S]*ends too early/);
  const twoModels = `${part('model', 'm')}${part('model', 'n')}--x y--\r\n`;
  const two = await openWire(t, gateway.url);
  two.send(head(twoModels.length) + twoModels);
  assert.match(await two.said(/invalid_request"/), /two different models/);
  assert.equal(upstream.requests.length, 1);
});

test('a route replaces the model of a form at its place, and leaves out targets without passthrough', async t => {
  const [first, second] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const gateway = await startGateway(t, {
    ini: `[provider.a]
type = openai
base_url = ${first.url}/v1
passthrough = off
[provider.b]
type = openai
base_url = ${second.url}/v1
[model.ears]
targets = a:whisper-small, b:openai/whisper-large-v3
`,
  });
  const content = Buffer.alloc(100_000, 'model ears ');
  const body = new FormData();
  body.set('file', new Blob([content]), 'ears.wav');
  body.set('model', 'ears');
  body.set('prompt', 'ears');
  const answer = await fetch(`${gateway.url}/v1/audio/transcriptions`, {
    method: 'POST',
    headers: { authorization },
    body,
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-tokligence-provider'), 'b');
  assert.equal(first.requests.length, 0);
  const { headers, body: seen } = second.requests[0] ?? assert.fail();
  const sent = await new Response(new Uint8Array(seen), {
    headers: { 'content-type': headers['content-type'] ?? '' },
  }).formData();
  assert.deepEqual([sent.get('model'), sent.get('prompt')], ['openai/whisper-large-v3', 'ears']);
  assert.ok(Buffer.from(await (sent.get('file') as File).arrayBuffer()).equals(content));
});

test('a request without a model goes to the first provider that serves all, or is told what is missing', async t => {
  const [some, all] = [await startFakeUpstream(t), await startFakeUpstream(t)];
  const named = `[provider.some]\ntype = openai\nbase_url = ${some.url}/v1\nmodels = gpt-*\n`;
  const gateway = await startGateway(t, { ini: named + providerOf(all) });
  const optional = seated.filter(({ needsModel }) => !needsModel);
  assert.equal(optional.length, 10);
  for (const { path, takes } of optional) {
    const answer = await post(gateway.url + path, takes, null);
    assert.equal(answer.status, 200, path);
  }
  assert.deepEqual([some.requests.length, all.requests.length], [0, optional.length]);
  for (const { path, takes } of seated.filter(({ needsModel }) => needsModel)) {
    const answer = await post(gateway.url + path, takes, null);
    assert.equal(answer.status, 400, path);
    assert.deepEqual(((await answer.json()) as any).error.param, 'model');
  }
  const without = await startGateway(t, { ini: named });
  const answer = await post(`${without.url}/v1/moderations`, 'json', null);
  assert.equal(answer.status, 400);
  assert.match(((await answer.json()) as any).error.message, /no provider serves all models/);
});

test('a provider without passthrough takes the first routes only, and says which one it does not take', async t => {
  const { gateway, upstream } = await start(t, 'passthrough = off');
  for (const { path, takes } of seated) {
    const answer = await post(gateway.url + path, takes, 'm');
    const { error } = (await answer.json()) as any;
    assert.deepEqual([answer.status, error.code], [404, 'model_not_found'], path);
    assert.ok(error.message.includes(`POST ${path}`) && error.message.includes('passthrough = off'), error.message);
  }
  assert.equal(upstream.requests.length, 0);
  const chat = await gateway.chat(adminKey, { model: 'm' });
  assert.equal(chat.status, 200);
});

/** The line of the only request of this path. */
async function lineOf(gateway: TestGateway, path: string): Promise<any> {
  const found = () => gateway.log.find(line => line.includes(`"path":"${path}"`));
  await until(() => found() !== undefined);
  return JSON.parse(found() ?? '');
}

test('usage is read where the vendor tells it, and nothing is made of megabytes of images or sound', async t => {
  const { gateway, upstream } = await start(t);
  const told = async (path: string, takes: string, reply: Parameters<typeof upstream.reply>[0]) => {
    upstream.reply(reply);
    await (await post(gateway.url + path, takes, 'm')).arrayBuffer();
    const { input_tokens, output_tokens } = await lineOf(gateway, path);
    return [input_tokens, output_tokens];
  };
  const image = { data: [{ b64_json: 'A'.repeat(100_000) }] };
  const usage = { input_tokens: 9, output_tokens: 4, total_tokens: 13, input_tokens_details: { text_tokens: 9 } };
  assert.deepEqual(await told('/v1/images/generations', 'json', { body: { ...image, usage } }), [9, 4]);
  assert.deepEqual(await told('/v1/images/edits', 'json', { body: image }), [undefined, undefined]);
  const sound = { body: Buffer.alloc(50_000), headers: { 'content-type': 'audio/wav' } };
  assert.deepEqual(await told('/v1/audio/speech', 'json', sound), [undefined, undefined]);
  assert.deepEqual(await told('/v1/rerank', 'json', { body: { usage: { total_tokens: 7 } } }), [7, 0]);
  const text = await told('/v1/audio/transcriptions', 'form', {
    body: 'a text of 20 letters',
    headers: { 'content-type': 'text/plain' },
  });
  assert.equal(text[1], 5);
});

test('the loopback answers them all', async t => {
  const gateway = await startGateway(t, { ini: '[provider.l]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n' });
  for (const { path, takes } of seated) {
    const answer = await post(gateway.url + path, takes, 'm');
    assert.equal(answer.status, 200, path);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (path === '/v1/audio/speech') assert.equal(bytes.toString('latin1', 0, 4), 'RIFF');
    else assert.equal(typeof JSON.parse(bytes.toString()), 'object', path);
  }
});

test('a WebSocket is answered 501, with a key and without one, and the connection ends', async t => {
  const { gateway } = await start(t);
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  for (const headers of [
    '',
    upgrade,
    `Authorization: ${authorization}\r\n`,
    `${upgrade}Authorization: ${authorization}\r\n`,
  ]) {
    for (const path of ['/v1/realtime?model=gpt-realtime', '/openai/v1/realtime/']) {
      const wire = await openWire(t, gateway.url);
      wire.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
      const said = await wire.closed;
      assert.match(said, /^HTTP\/1.1 501 Not Implemented\r\n/);
      assert.match(said, /\r\nconnection: close\r\n/i);
      const { error } = JSON.parse(said.slice(said.indexOf('\r\n\r\n') + 4));
      assert.deepEqual([error.code, error.type], ['not_implemented', 'server_error']);
    }
  }
  const other = await openWire(t, gateway.url);
  other.send(
    `GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n`,
  );
  await other.said(/HTTP\/1.1 200 OK/);
});
