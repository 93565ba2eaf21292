import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const mebibyte = 2 ** 20;
const chat = '/v1/chat/completions';
const ini = `
[provider.local]
type = loopback
service_ms = 0
chunk_ms = 0`;
/** One MiB may wait, and two bodies of one MiB may be on their way in. */
const narrow = `
[scheduler]
max_queued_mb = 1
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

/** A chat of exactly so many bytes, in two halves. */
function halves(bytes: number): [string, string] {
  const [head, tail] = ['{"model":"m","messages":[{"role":"user","content":"', '"}]}'];
  const text = head + 'x'.repeat(bytes - head.length - tail.length) + tail;
  return [text.slice(0, bytes * 0.7), text.slice(bytes * 0.7)];
}

test('bodies that come in at once have one bound together: who goes beyond it is told to come again', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const key = await createKey();
  const [head, tail] = halves(mebibyte);
  const uploads = [1, 2, 3].map(() => openChat(url, key, { 'content-length': mebibyte }));
  t.after(() => uploads.map(upload => upload.destroy()));
  const answers = uploads.map(answerOf);
  for (const upload of uploads) upload.write(head);

  await t.test('of three that do not fit together one is refused while it still comes in', async () => {
    const { status, code, headers } = await Promise.race(answers);
    assert.deepEqual([status, code, headers['retry-after']], [503, 'queue_full', '1']);
    assert.equal(headers['x-tokligence-priority'], '7');
  });

  await t.test('the others are served', async () => {
    for (const upload of uploads) upload.end(tail);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(statuses.toSorted(), [200, 200, 503]);
  });

  await t.test('what was refused, served or left behind by its client takes no room any more', async () => {
    for (let n = 0; n < 4; n++) {
      const leaving = openChat(url, key, { 'content-length': mebibyte });
      leaving.on('error', () => {});
      await new Promise<void>(resolve => leaving.write(head, () => resolve()));
      leaving.destroy();
    }
    const sendWhole = async () => {
      const upload = openChat(url, key, { 'content-length': mebibyte });
      upload.end(head + tail);
      return (await answerOf(upload)).status;
    };
    await until(async () => (await sendWhole()) === 200);
  });
});

test('a body in tiny pieces counts for what it takes, not for what it says', async t => {
  const { url, createKey } = await startGateway(t, { ini: narrow, env });
  const upload = openChat(url, await createKey());
  t.after(() => upload.destroy());
  const answer = answerOf(upload);
  for (let piece = 0; piece < 4_000; piece++) upload.write('x');
  const { status, code } = await answer;
  assert.deepEqual([status, code], [503, 'queue_full']);
});

/** Node's own server says so, before it hands the request on. */
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
