// Upstreams with unexpected answers.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { anthropicProvider, provider, startFront } from '../support/front.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { chunked, startRawUpstream } from '../support/raw-upstream.ts';
import { until } from '../support/until.ts';

const chat = '/v1/chat/completions';
const streamHead = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n';
const jsonHead = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n';
const delta = (text: string) => `data: {"choices":[{"index":0,"delta":{"content":"${text}"}}]}\n\n`;
const usage = 'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}\n\n';
const stream = `${delta('a')}${delta('b')}${usage}data: [DONE]\n\n`;
const whole = '{"choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":11,"completion_tokens":3}}';
const told = { inputTokens: 11, cachedInputTokens: 0, outputTokens: 3, isEstimated: false };

const inPieces = (socket: Socket, text: string, size: number) => {
  for (let at = 0; at < text.length; at += size) socket.write(text.slice(at, at + size), 'latin1');
};

test('interim answers that nobody asked for are passed over, in any number and however they are cut', async t => {
  const hint = 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n';
  const go = 'HTTP/1.1 100 Continue\r\n\r\n';
  const bare = 'HTTP/1.1 100\r\nx-a: b\r\n\r\n';
  const processing = 'HTTP/1.1 102 Processing\r\n\r\n';
  const body = `${whole.slice(0, -1)},"a":"HTTP/1.1 100 Continue\\r\\n\\r\\n"}`;
  let before = '';
  let size = 0;
  const upstream = await startRawUpstream(t, socket =>
    inPieces(
      socket,
      `${before}HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      size,
    ),
  );
  const front = await startFront(t, provider(upstream.url));
  const orders = ['', go, hint, bare, go + go + go, hint + go, go + hint + processing + bare, go.repeat(200)];
  for (const order of orders) {
    for (const pieces of [1, 7, 100_000]) {
      before = order;
      size = pieces;
      const reading = await front.post(chat);
      assert.equal(reading.answer.statusCode, 200, JSON.stringify(order));
      assert.equal(await reading.whole(), body);
    }
  }
  assert.equal(upstream.connections, 1, 'the connection is used again');
});

test('a change of protocol that nobody asked for is a 502', async t => {
  const upstream = await startRawUpstream(t, socket =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  );
  const front = await startFront(t, provider(upstream.url));
  assert.equal((await front.post(chat)).answer.statusCode, 502);
});

const flushed = { finishFlush: constants.Z_SYNC_FLUSH };
const packings: Record<string, (text: string) => Buffer> = {
  gzip: gzipSync,
  'x-gzip': text => gzipSync(text, flushed),
  deflate: deflateSync,
  Deflate: deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

test('an answer that is packed all the same passes as it is, and its usage is read', async t => {
  let packed: Buffer = Buffer.alloc(0);
  let head = '';
  const upstream = await startRawUpstream(t, socket => {
    socket.write(head);
    for (let at = 0; at < packed.length; at += 5) socket.write(chunked(packed.subarray(at, at + 5)));
    socket.write(chunked(''));
  });
  const front = await startFront(t, provider(upstream.url));
  for (const [encoding, pack] of Object.entries(packings)) {
    for (const [type, text] of [
      [streamHead, stream],
      [jsonHead, whole],
    ] as const) {
      packed = pack(text);
      head = `${type}content-encoding: ${encoding}\r\n\r\n`;
      const answer = await fetch(`${front.url}${chat}`, { method: 'POST', body: '{"model":"m"}' });
      assert.equal(answer.headers.get('content-encoding'), encoding);
      await answer.arrayBuffer().catch(() => {}); // fetch decompresses, but does not support all encodings
      await until(() => front.ends.length > 0);
      assert.deepEqual(front.ends.splice(0), [{ status: 200, usage: told, outcome: 'served' }], encoding);
      const reading = await front.post(chat);
      await reading.whole();
      assert.ok(reading.bytes().equals(packed), `${encoding}: byte for byte`);
      await front.waitForEnds(1);
      front.ends.splice(0);
    }
  }
});

test('an answer that cannot be unpacked passes, and its cost is estimated', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  const replies = {
    unknown: { headers: { 'content-encoding': 'compress' }, body: 'x'.repeat(400) },
    several: { headers: { 'content-encoding': 'gzip, br' }, body: brotliCompressSync(gzipSync(whole)) },
    'no gzip at all': { headers: { 'content-encoding': 'gzip', 'content-type': 'text/event-stream' }, body: stream },
    'cut in the middle': { headers: { 'content-encoding': 'gzip' }, body: gzipSync(whole.repeat(9)).subarray(0, 60) },
  };
  for (const [what, reply] of Object.entries(replies)) {
    upstream.reply(reply);
    const { bytes, outcome } = await packedAnswer(front);
    assert.equal(bytes, Buffer.byteLength(reply.body), what);
    assert.equal(outcome?.outcome, 'served', what);
    assert.equal(outcome?.usage?.isEstimated, true, what);
  }
});

async function packedAnswer(front: Awaited<ReturnType<typeof startFront>>) {
  const reading = await front.post(chat);
  await reading.whole();
  await front.waitForEnds(1);
  const [outcome] = front.ends.splice(0);
  return { bytes: reading.bytes().length, outcome: outcome !== undefined && 'usage' in outcome ? outcome : null };
}

/** Returns this many bytes of blanks, compressed, without ever holding them. */
async function packedBlanks(mib: number): Promise<Buffer> {
  const gzip = createGzip({ level: 9 });
  const blank = Buffer.alloc(1024 * 1024, ' ');
  const packed: Buffer[] = [];
  gzip.on('data', piece => packed.push(piece));
  for (let written = 0; written < mib; written++) {
    if (!gzip.write(blank)) await new Promise<void>(resolve => gzip.once('drain', resolve));
  }
  await new Promise<void>(resolve => gzip.end(resolve));
  return Buffer.concat(packed);
}

test('an answer that unpacks to a thousand times its size costs neither memory nor time', async t => {
  const bomb = await packedBlanks(256);
  const upstream = await startFakeUpstream(t, { headers: { 'content-encoding': 'gzip' }, body: bomb });
  const front = await startFront(t, provider(upstream.url));
  await packedAnswer(front);
  const before = process.resourceUsage().maxRSS;
  const { bytes, outcome } = await packedAnswer(front);
  assert.equal(bytes, bomb.length);
  assert.equal(outcome?.outcome, 'served');
  const grownKib = process.resourceUsage().maxRSS - before;
  assert.ok(grownKib < 64 * 1024, `${grownKib} KiB more`);
});

test('a packed stream that breaks off breaks off to the client too, without a text in the middle of it', async t => {
  const packed = gzipSync(stream).subarray(0, 40);
  const upstream = await startRawUpstream(t, socket => {
    socket.write(`${streamHead}content-encoding: gzip\r\n\r\n`);
    socket.write(chunked(packed), () => socket.resetAndDestroy());
  });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  await assert.rejects(reading.whole());
  await front.waitForEnds(1);
  assert.equal(front.ends[0] && 'outcome' in front.ends[0] && front.ends[0].outcome, 'upstream_failed');
  assert.ok(!reading.text().includes('error'));
});

const lastEvents: Record<string, string> = {
  'chat completions': stream,
  'without the line break': stream.trimEnd(),
  Responses: `event: response.created\ndata: {"type":"response.created"}\n\nevent: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":11,"output_tokens":3}}}\n\n`,
  Anthropic: `event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1}}}\n\nevent: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":3}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n`,
};

async function endsEarly(t: TestContext, bytes: Buffer, end: (socket: Socket) => void, more = '') {
  const upstream = await startRawUpstream(t, socket => {
    socket.write(`${streamHead}${more}\r\n`);
    socket.write(chunked(bytes), () => end(socket));
  });
  return upstream.url;
}

test('a stream that ends right after its last event, without the end of its body, is served', async t => {
  const ends: Record<string, (socket: Socket) => void> = {
    closes: socket => socket.end(),
    resets: socket => socket.resetAndDestroy(),
    'sends nonsense': socket => socket.end('no chunk'),
  };
  for (const [how, end] of Object.entries(ends)) {
    for (const [which, text] of Object.entries(lastEvents)) {
      for (const isPacked of [false, true]) {
        const bytes = isPacked ? gzipSync(text, flushed) : Buffer.from(text);
        const url = await endsEarly(t, bytes, end, isPacked ? 'content-encoding: gzip\r\n' : '');
        const isAnthropic = which === 'Anthropic';
        const front = await startFront(t, isAnthropic ? anthropicProvider(url) : provider(url));
        const reading = await front.post(isAnthropic ? '/v1/messages' : chat);
        await reading.whole();
        await front.waitForEnds(1);
        const what = `${which}, ${how}, ${isPacked ? 'packed' : 'plain'}`;
        assert.deepEqual(front.ends, [{ status: 200, usage: told, outcome: 'served' }], what);
      }
    }
  }
});

test('a JSON answer that is complete is served without the end of its body, and one that is not breaks off', async t => {
  let text = whole;
  const upstream = await startRawUpstream(t, socket => {
    socket.write(`${jsonHead}\r\n`);
    socket.write(chunked(text), () => socket.end());
  });
  const front = await startFront(t, provider(upstream.url));
  assert.equal(await (await front.post(chat)).whole(), whole);
  await front.waitForEnds(1);
  assert.deepEqual(front.ends.splice(0), [{ status: 200, usage: told, outcome: 'served' }]);
  text = whole.slice(0, -1);
  await assert.rejects((await front.post(chat)).whole());
});

test('a client that leaves once it has the last event of a packed stream was served', async t => {
  const upstream = await startRawUpstream(t, socket => {
    socket.write(`${streamHead}content-encoding: gzip\r\n\r\n`);
    socket.write(chunked(gzipSync(stream, flushed)));
  });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  await reading.until(text => text.length > 60);
  reading.leave();
  await front.waitForEnds(1);
  assert.deepEqual(front.ends, [{ status: 200, usage: told, outcome: 'served' }]);
});

test("the upstream's own id of a request reaches the client and the log, where it is sound", async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: `[provider.up]\ntype = openai\nbase_url = ${upstream.url}/v1`,
  });
  const asked = async (headers: Record<string, string | string[]>, status = 200) => {
    upstream.reply({ headers, status });
    const answer = await gateway.chat(adminKey, { requestId: `r-${Math.random()}` });
    await answer.text();
    const own = answer.headers.get('x-request-id');
    await until(() => gateway.log.some(line => line.includes(`"${own}"`)));
    const line = JSON.parse(gateway.log.find(text => text.includes(`"${own}"`)) ?? '{}');
    assert.equal(line.request_id, own);
    const id = answer.headers.get('x-upstream-request-id');
    assert.equal(line.upstream_request_id ?? null, id);
    return id;
  };
  assert.equal(await asked({ 'x-request-id': 'req_up' }), 'req_up');
  assert.equal(await asked({ 'request-id': 'req_011' }, 400), 'req_011');
  assert.equal(await asked({ 'apim-request-id': 'azure' }), 'azure');
  assert.equal(await asked({ 'x-amzn-requestid': 'aws', 'x-upstream-request-id': 'other' }), 'aws');
  assert.equal(await asked({ 'x-request-id': 'x'.repeat(129) }), null);
  assert.equal(await asked({ 'x-request-id': 'a b' }), null);
  assert.equal(await asked({ 'x-request-id': 'caf\u00e9', 'request-id': 'second' }), 'second');
  assert.equal(await asked({}), null);
});
