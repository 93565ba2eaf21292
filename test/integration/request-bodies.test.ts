import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const mebibyte = 2 ** 20;
const chat = '/v1/chat/completions';
const ini = `
[provider.local]
type = loopback
service_ms = 0
chunk_ms = 0`;
/** Bodies of 8 MiB may be in flight together, of one tenant 4 MiB, of P9 4.4 MiB. */
const narrow = `
[scheduler]
max_queued_mb = 8
${ini}`;
const env = { TOKLIGENCE_GATEWAY_MAX_BODY_MB: '1' };

const openChat = (url: string, key: string, headers: Record<string, string | number> = {}): ClientRequest =>
  request(url + chat, { method: 'POST', headers: { authorization: `Bearer ${key}`, ...headers } });

interface Answer {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly headers: Record<string, string | string[] | undefined>;
}

const answerOf = (sent: ClientRequest): Promise<Answer> =>
  new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', response => {
      let text = '';
      response.setEncoding('utf8').on('data', part => (text += part));
      response.on('error', reject);
      response.on('end', () => {
        const { error } = JSON.parse(text) as { error?: { code: string } };
        resolve({ status: response.statusCode, code: error?.code, headers: response.headers });
      });
    });
  });

/** Returns a chat of exactly this many bytes, in two halves. */
function halves(bytes: number): [string, string] {
  const [head, tail] = ['{"model":"m","messages":[{"role":"user","content":"', '"}]}'];
  const text = head + 'x'.repeat(bytes - head.length - tail.length) + tail;
  return [text.slice(0, bytes * 0.7), text.slice(bytes * 0.7)];
}

/** Begins an upload that has sent part of its body; resolves to it and its answer. */
async function begin(url: string, key: string, bytes: number, level = 7) {
  const [head, tail] = halves(bytes);
  const upload = openChat(url, key, { 'content-length': bytes, 'x-priority': level });
  const answer = answerOf(upload);
  answer.catch(() => {});
  await new Promise<void>(resolve => upload.write(head, () => resolve()));
  return { upload, answer, finish: () => upload.end(tail) };
}

test('the bytes that one tenant is sending have a bound, and exceeding it costs an upload of that tenant', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const [greedy, other] = [await createKey(), await createKey()];
  const uploads = await Promise.all(Array.from({ length: 7 }, () => begin(url, greedy, mebibyte)));
  t.after(() => uploads.map(({ upload }) => upload.destroy()));
  const refused = await Promise.race(uploads.map(({ answer }) => answer));
  assert.deepEqual([refused.status, refused.code, refused.headers['retry-after']], [429, 'tenant_limit', '1']);
  assert.equal(refused.headers['x-tokligence-priority'], '7');

  const theirs = await begin(url, other, mebibyte);
  theirs.finish();
  assert.equal((await theirs.answer).status, 200);
  const statuses: (number | undefined)[] = [];
  for (const { finish, answer } of uploads) {
    // One after the other: together the rest of all would exceed the bound again.
    finish();
    statuses.push((await answer).status);
  }
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 200, 200, 429, 429]);
});

test('unfinished bodies of P9 keep nobody of a better level out', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const keys = await Promise.all(Array.from({ length: 12 }, () => createKey()));
  const best = keys.pop() ?? '';
  const uploads = await Promise.all(keys.map(key => begin(url, key, mebibyte, 9)));
  t.after(() => uploads.map(({ upload }) => upload.destroy()));
  const refused = await Promise.race(uploads.map(({ answer }) => answer));
  assert.deepEqual([refused.status, refused.code, refused.headers['retry-after']], [503, 'queue_full', '1']);
  for (let n = 0; n < 4; n++) {
    const upload = await begin(url, best, mebibyte, 0);
    upload.finish();
    assert.equal((await upload.answer).status, 200);
  }
});

test('an upload that was refused, served or left by its client takes no room any more', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const key = await createKey();
  for (let n = 0; n < 20; n++) {
    const leaving = await begin(url, key, mebibyte);
    leaving.upload.on('error', () => {});
    leaving.upload.destroy();
  }
  const sendWhole = async () => {
    const uploads = await Promise.all([1, 2, 3, 4].map(() => begin(url, key, mebibyte)));
    for (const { finish } of uploads) finish();
    return (await Promise.all(uploads.map(({ answer }) => answer))).every(({ status }) => status === 200);
  };
  await until(sendWhole);
});

test('a body that stands still for twenty seconds is given up, and its connection with it', async t => {
  const clock = new ManualClock();
  const { url, createKey, log } = await startGateway(t, { ini, overrides: { clock } });
  const { upload, answer } = await begin(url, await createKey(), mebibyte);
  const closed = new Promise<void>(resolve => upload.once('close', () => resolve()));
  let refused: Answer | null = null;
  void answer.then(got => {
    refused = got;
  });
  await until(() => {
    clock.advance(1_000);
    return refused !== null;
  });
  assert.deepEqual([(await answer).status, (await answer).code], [408, 'request_timeout']);
  await until(() => log.some(line => line.includes('"request_timeout"')));
  await until(async () => {
    clock.advance(1_000);
    return upload.destroyed;
  });
  await closed;
});

test('a body in tiny pieces takes little more than it holds, and is served', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const upload = openChat(url, await createKey());
  const answer = answerOf(upload);
  const [head, tail] = halves(20_000);
  for (const byte of head + tail) upload.write(byte);
  upload.end();
  assert.equal((await answer).status, 200);
});

test('a body that cannot be JSON is refused while it still comes in', async t => {
  const { url, createKey } = await startGateway(t, { ini });
  const upload = openChat(url, await createKey(), { 'content-length': 20 * mebibyte });
  t.after(() => upload.destroy());
  const answer = answerOf(upload);
  upload.write(`{"model":"m","a":${'['.repeat(600)}`);
  const { status, code } = await answer;
  assert.deepEqual([status, code], [400, 'invalid_request']);
});

/** Node's own server emits this before it passes the request on. */
function chatArrives(t: TestContext): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const hear = (message: unknown) => {
    if ((message as { request: IncomingMessage }).request.url === chat) resolve();
  };
  subscribe('http.server.request.start', hear);
  t.after(() => unsubscribe('http.server.request.start', hear));
  return promise;
}

test('a client that leaves before its key is known ends in an outcome too', async t => {
  const database = await freshDatabase(t);
  const { url, createKey, log } = await startGateway(t, { ini, database: database.url });
  const key = await createKey();
  const lock = new pg.Client(database.url);
  await lock.connect();
  await lock.query('BEGIN; LOCK TABLE api_keys');

  const arrived = chatArrives(t);
  const leaving = openChat(url, key);
  leaving.on('error', () => {});
  leaving.end('{"model":"m"}');
  await arrived;
  leaving.destroy();
  // By then the gateway has seen the connection close.
  for (let n = 0; n < 3; n++) await fetch(`${url}/healthz`);
  await lock.query('COMMIT');
  await lock.end();
  await until(() => log.some(line => line.includes(chat) && line.includes('"client_left"')));
});

test('the bound of what comes in follows the settings of pools, up and down', async t => {
  const { url, admin, createKey, reload } = await startGateway(t, { ini: narrow, env });
  const key = await createKey();
  /** Seven uploads of 1 MiB of one tenant, which has half of the bound. */
  const seven = () => Promise.all(Array.from({ length: 7 }, () => begin(url, key, mebibyte)));
  const assertWide = async () => {
    const uploads = await seven();
    for (const { finish } of uploads) finish();
    for (const { answer } of uploads) assert.equal((await answer).status, 200);
  };
  const assertNarrow = async () => {
    const uploads = await seven();
    const refused = await Promise.race(uploads.map(({ answer }) => answer));
    assert.equal(refused.code, 'tenant_limit');
    for (const { finish } of uploads) finish();
    await Promise.all(uploads.map(({ answer }) => answer));
  };
  await assertNarrow();
  assert.equal((await admin('PUT', '/admin/scheduler/pools/local', { max_queued_mb: 64 })).status, 200);
  await assertWide();
  assert.equal((await admin('PUT', '/admin/scheduler/pools/local', { max_queued_mb: null })).status, 200);
  await assertNarrow();
  reload(narrow.replace('= 8', '= 64'));
  await assertWide();
  reload(narrow);
  await assertNarrow();
});
