/**
 * The soak's upstream, in a process of its own: streams and plain answers of random length and pace, some broken off.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../../bench/sim/random.ts';
import { realStreams } from '../support/real-streams.ts';

export interface UpstreamCounts {
  readonly seen: number;
  readonly answered: number;
  readonly cut: number;
  readonly active: number;
  readonly maxActive: number;
  /** Open connections, idle ones included. */
  readonly connections: number;
}

/** The mean duration of a request. */
export const meanServiceMs = 200;
const brokenShare = 0.03;

function serve(seed: number): void {
  const random = new Random(seed);
  const counts = { seen: 0, answered: 0, cut: 0, active: 0, maxActive: 0 };
  /** The request in progress on each connection. */
  const ends = new WeakMap<Socket, () => void>();
  const server = createServer((req, res) => {
    counts.seen++;
    counts.maxActive = Math.max(counts.maxActive, ++counts.active);
    let isOver = false;
    const end = (how: 'answered' | 'cut') => {
      if (isOver) return;
      isOver = true;
      counts.active--;
      counts[how]++;
    };
    res.on('close', () => end('cut'));
    ends.set(req.socket, () => end('cut'));
    req.resume();
    req.on('end', () => void answer(req.url ?? '', res, random, end));
  });
  // A client that has closed its half no longer counts the call.
  server.on('connection', socket => socket.on('end', () => ends.get(socket)?.()));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('message', () =>
    server.getConnections((_, connections) => process.send?.({ counts: { ...counts, connections } })),
  );
  process.on('disconnect', () => process.exit(0));
}

async function answer(
  path: string,
  res: ServerResponse,
  random: Random,
  end: (how: 'answered' | 'cut') => void,
): Promise<void> {
  const streams = realStreams.filter(stream => stream.path === path);
  const bytes = streams[random.integer(streams.length)]?.bytes ?? Buffer.alloc(0);
  const pieces = 1 + random.integer(20);
  const isBroken = random.uniform() < brokenShare;
  const pieceMs = (2 * meanServiceMs * random.uniform()) / pieces;
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let piece = 0; piece < pieces && !res.destroyed; piece++) {
    await pause(pieceMs);
    const at = (n: number) => Math.floor((n * bytes.length) / pieces);
    res.write(bytes.subarray(at(piece), at(piece + 1)));
    if (!isBroken || piece * 2 <= pieces) continue;
    end('cut');
    res.destroy();
  }
  if (res.destroyed) return;
  end('answered');
  res.end();
}

const [, main, seed] = process.argv;
if (main === fileURLToPath(import.meta.url)) serve(Number(seed));
