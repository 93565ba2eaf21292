// Many clients that leave at any byte of real streams, against a gateway in a process of its own: it answers other
// clients meanwhile, every request ends in one outcome, and no seat is lost.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Random } from '../../bench/sim/random.ts';
import { adminKey } from '../support/admin-key.ts';
import { settingFolder, startDaemon } from '../support/daemon.ts';
import { realStreams } from '../support/real-streams.ts';
import { until } from '../support/until.ts';

const clients = 600;
const atOnce = 40;
const seats = 8;

/** Serves the streams by path, in pieces of random sizes; breaks some off itself. Counts the requests in progress. */
async function startStreaming(t: TestContext, random: Random) {
  const upstream = { port: 0, active: 0, maxActive: 0, served: 0 };
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    let isActive = false;
    const end = () => {
      if (isActive) upstream.active--;
      isActive = false;
    };
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      end();
    });
    socket.on('data', request => {
      const path = /^POST (\S+)/.exec(request.toString('latin1'))?.[1];
      const fitting = realStreams.filter(stream => stream.path === path);
      const bytes = fitting[random.integer(fitting.length)]?.bytes;
      if (bytes === undefined) return;
      isActive = true;
      upstream.served++;
      upstream.maxActive = Math.max(upstream.maxActive, ++upstream.active);
      void stream(socket, bytes, random, end);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  upstream.port = (server.address() as AddressInfo).port;
  return upstream;
}

async function stream(socket: Socket, bytes: Buffer, random: Random, end: () => void): Promise<void> {
  const breaksAt = random.uniform() < 0.1 ? random.integer(bytes.length) : bytes.length;
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
  for (let at = 0; at < breaksAt && !socket.destroyed; ) {
    const size = Math.min(1 + random.integer(1 + random.integer(4_000)), breaksAt - at);
    socket.write(`${size.toString(16)}\r\n`);
    socket.write(bytes.subarray(at, at + size));
    socket.write('\r\n');
    at += size;
    await new Promise(resolve => setImmediate(resolve));
  }
  end();
  if (breaksAt < bytes.length) socket.destroy();
  else socket.write('0\r\n\r\n');
}

/** Reads this many bytes of the answer and leaves; null: reads to its end. */
function client(port: number, path: string, leaveAfter: number | null): Promise<void> {
  const body = JSON.stringify({ model: 'm', stream: true, max_tokens: 100, messages: [] });
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    let bytes = 0;
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('data', piece => {
      bytes += piece.length;
      const hasEnded = piece.subarray(-5).equals(Buffer.from('0\r\n\r\n'));
      if (leaveAfter === null ? hasEnded : bytes >= leaveAfter || hasEnded) socket.destroy();
    });
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    if (leaveAfter === 0) socket.end(() => socket.destroy());
  });
}

test('clients that leave at any byte of real streams stop nobody and lose nothing', { timeout: 90_000 }, async t => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const upstream = await startStreaming(t, random);
  const provider = (name: string, type: string, path: string) =>
    `[provider.${name}]\ntype = ${type}\nbase_url = http://127.0.0.1:${upstream.port}${path}\nmax_concurrent = ${seats}\npool = p\n`;
  const folder = await settingFolder(
    t,
    `[gateway]\nport = 0\ndata_dir = "FOLDER/data"\nshutdown_grace_sec = 1\n[auth]\nadmin_key = ${adminKey}\n[log]\nformat = json\n` +
      provider('a', 'openai', '/v1') +
      provider('b', 'anthropic', ''),
  );
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', `${folder}/setting.ini`]);
  const url = await daemon.ready();
  const port = Number(new URL(url).port);

  let sent = 0;
  const next = async (): Promise<void> => {
    if (sent++ >= clients) return;
    const stream = realStreams[random.integer(realStreams.length)] ?? realStreams[0];
    if (stream === undefined) return;
    const leaveAfter = random.uniform() < 0.2 ? null : random.integer(stream.bytes.length + 400);
    await client(port, stream.path, leaveAfter);
    await next();
  };
  const storm = Promise.all(Array.from({ length: atOnce }, next));
  let isOver = false;
  void storm.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const health = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5_000) });
    assert.equal(health.status, 200);
    await health.text();
  }
  await storm;

  const outcomes = () => daemon.output.match(/"outcome":"\w+"/g) ?? [];
  const stats = async () => {
    const response = await fetch(`${url}/admin/scheduler/stats`, { headers: { authorization: `Bearer ${adminKey}` } });
    return ((await response.json()) as any).pools[0];
  };
  await until(async () => (await stats()).in_use === 0 && upstream.active === 0);
  await until(() => outcomes().length === clients);
  const kinds = new Set(outcomes());
  for (const kind of ['served', 'client_left', 'upstream_failed']) assert.ok(kinds.has(`"outcome":"${kind}"`), kind);
  for (const kind of kinds) assert.match(kind, /served|client_left|upstream_failed/);
  assert.ok(upstream.maxActive <= seats, `${upstream.maxActive} at once on ${seats} seats`);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
});
