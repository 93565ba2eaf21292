import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { ClientSink } from '../../../src/gateway/client-sink.ts';

/** One request over a socket of its own; resolves to the sink of its answer and to all that the client reads. */
async function oneRequest(t: TestContext) {
  const sinks: ((sink: { sink: ClientSink; res: ServerResponse }) => void)[] = [];
  const server = createServer((_, res) =>
    sinks.shift()?.({ sink: new ClientSink(res, { ownHeaders: () => ({}) }), res }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const came = new Promise<{ sink: ClientSink; res: ServerResponse }>(resolve => sinks.push(resolve));
  const read: string[] = [];
  client.setEncoding('latin1').on('data', (text: string) => read.push(text));
  const closed = new Promise<string>(resolve => client.once('close', () => resolve(read.join(''))));
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  return { ...(await came), client, closed };
}

test('what is written in one turn leaves in one piece, with the head and the end', async t => {
  const { sink, res, closed } = await oneRequest(t);
  sink.begin(200, ['content-length', '4']);
  sink.write(Buffer.from('ab'));
  sink.write(Buffer.from('cd'));
  sink.end();
  const { socket } = res;
  assert.ok((socket?.writableLength ?? 0) > 0, 'all of it is held');
  await endOfTurn();
  assert.equal(socket?.writableLength, 0);
  assert.match(await closed, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nabcd$/s);
});

test('a piece without an end leaves at the end of its turn', async t => {
  const { sink, res, client, closed } = await oneRequest(t);
  sink.begin(200, []);
  sink.write(Buffer.from('first'));
  await once(client, 'data');
  assert.equal(res.writableEnded, false);
  sink.end('last');
  assert.match(await closed, /first.*last/s);
});

test('an answer that is broken off loses nothing that was written before', async t => {
  const { sink, closed } = await oneRequest(t);
  sink.begin(200, ['content-length', '100']);
  sink.write(Buffer.from('so far'));
  sink.breakOff();
  assert.match(await closed, /so far$/);
});

test('nothing is written to a client that left within the turn', async t => {
  const { sink, res, closed } = await oneRequest(t);
  const errors: unknown[] = [];
  res.on('error', error => errors.push(error));
  sink.begin(200, []);
  sink.write(Buffer.from('a'));
  sink.end('b');
  res.destroy();
  await endOfTurn();
  await closed;
  assert.equal(sink.isClosed, true);
  assert.deepEqual(errors, []);
});
