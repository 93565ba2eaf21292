// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { adminKey } from '../support/admin-key.ts';
import { settingFolder, startDaemon } from '../support/daemon.ts';

const event = 'data: {"choices":[{"index":0,"delta":{"content":"hel';
const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n' +
  `${event.length.toString(16)}\r\n${event}\r\n`;

/** Begins a stream that stops in the middle of a line; `end` ends it. */
async function startCutting(t: TestContext, end: (socket: Socket) => void): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(head);
      end(socket);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const ends: Record<string, (socket: Socket) => void> = {
  'the client leaves': () => {},
  'the upstream resets': socket => void setImmediate(() => socket.resetAndDestroy()),
  'the answer ends there': socket => void socket.write('0\r\n\r\n'),
};

for (const [how, end] of Object.entries(ends)) {
  test(`a stream that stops in the middle of a line stops nobody else: ${how}`, { timeout: 20_000 }, async t => {
    const port = await startCutting(t, end);
    const folder = await settingFolder(
      t,
      `[gateway]
port = 0
data_dir = "FOLDER/data"
[auth]
admin_key = ${adminKey}
[provider.up]
type = openai
base_url = http://127.0.0.1:${port}/v1
`,
    );
    const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', `${folder}/setting.ini`]);
    const url = await daemon.ready();

    const left = new AbortController();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: '{"model":"m","stream":true,"messages":[]}',
      signal: left.signal,
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    if (how === 'the client leaves') left.abort();
    // However the stream ends, the request has ended when the log says so.
    await daemon.said('"outcome"');

    const health = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
    assert.equal(health.status, 200);
    daemon.signal('SIGTERM');
    assert.equal(await daemon.exited, 0);
  });
}
