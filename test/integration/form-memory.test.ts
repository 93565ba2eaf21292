// The memory that a large form takes while it waits, and while it goes up.
// In a process of its own: it measures how much memory the process uses.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { adminKey, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
const mebibyte = 2 ** 20;
const fileBytes = 25 * mebibyte;

/** The client is a process of its own, as what it sends must not count; the model follows the file. */
const client = `
const { request } = require('node:http');
const part = (rest, content) => '--XyZ\\r\\nContent-Disposition: form-data; ' + rest + '\\r\\n\\r\\n' + content;
const head = part('name="file"; filename="a.wav"', '');
const tail = '\\r\\n' + part('name="model"', 'whisper-1') + '\\r\\n--XyZ--\\r\\n';
const [url, key, bytes] = process.argv.slice(1);
const sent = request(url, { method: 'POST', headers: {
  authorization: 'Bearer ' + key,
  'content-type': 'multipart/form-data; boundary=XyZ',
  'content-length': head.length + Number(bytes) + tail.length,
} });
sent.on('response', answer => { console.log(answer.statusCode); answer.resume(); });
sent.write(head);
const piece = Buffer.alloc(65536, 7);
let left = Number(bytes);
const more = () => {
  while (left > 0) {
    left -= piece.length;
    if (!sent.write(piece)) return sent.once('drain', more);
  }
  sent.end(tail);
};
more();
`;

const held = (): number => {
  collect();
  return process.memoryUsage().arrayBuffers;
};

test('a recording of 25 MiB is held once while it waits and while it goes up, and then not at all', async t => {
  // It reads nothing until it is told to, and keeps nothing of what it reads.
  const sockets: Socket[] = [];
  let received = 0;
  const upstream = createServer(socket => {
    socket.pause();
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', piece => {
      received += piece.length;
      if (received < fileBytes) return;
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 14\r\nContent-Type: application/json\r\n\r\n{"text":"abc"}');
    });
  });
  await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    upstream.close();
  });
  const { port } = upstream.address() as { port: number };
  const ini = `[provider.v]\ntype = openai\nbase_url = http://127.0.0.1:${port}/v1\nmax_concurrent = 1\n`;
  const gateway = await startGateway(t, { ini });
  const before = held();
  const url = `${gateway.url}/v1/audio/transcriptions`;
  const sender = spawn(process.execPath, ['-e', client, url, adminKey, String(fileBytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => sender.kill());
  let said = '';
  sender.stdout.setEncoding('utf8').on('data', text => {
    said += text;
  });
  let most = 0;
  await until(async () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    return (await gateway.pool('v')).in_use === 1;
  });
  const going = held() - before;
  const shown = () =>
    `${(going / mebibyte).toFixed(1)} MiB held, ${(most / mebibyte).toFixed(1)} MiB at most before a collection`;
  assert.ok(going > fileBytes * 0.8, shown());
  assert.ok(going < fileBytes * 1.25, shown());
  t.diagnostic(shown());
  for (const socket of sockets) socket.resume();
  await once(sender, 'close');
  assert.equal(said.trim(), '200');
  await until(() => held() - before < mebibyte * 3);
});
