/**
 * One of several equal upstreams, in a process of its own: a short answer after a constant time, or a stream of chunks. It
 * listens on the port that it is told, so that it can come back where it was.
 */
import { createServer, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { streamedAnswer, wholeAnswer } from '../../test/support/fake-answers.ts';
import { type MeasuredProcess, reportToParent, startMeasured } from '../support/measured-process.ts';

export interface Pace {
  readonly serviceMs: number;
  readonly chunks: number;
  readonly chunkMs: number;
}

export type Replica = MeasuredProcess;

export interface ReplicaCount {
  /** Requests that began since the last count. */
  readonly begun: number;
  /** The most at the same time since the last count. */
  readonly mostAtOnce: number;
}

export const startReplica = (port: number, { serviceMs, chunks, chunkMs }: Pace): Promise<MeasuredProcess> =>
  startMeasured(new URL(import.meta.url), [port, serviceMs, chunks, chunkMs].map(String));

export const countOf = (replica: MeasuredProcess): Promise<ReplicaCount> => replica.ask('count');

function stream(res: ServerResponse, pieces: readonly string[], chunkMs: number): void {
  const [piece, ...others] = pieces;
  if (res.destroyed || piece === undefined) return;
  if (others.length === 0) {
    res.end(piece);
    return;
  }
  res.write(piece);
  setTimeout(stream, chunkMs, res, others, chunkMs);
}

function answer(res: ServerResponse, url: string, isStream: boolean, { chunks, chunkMs }: Pace): void {
  if (res.destroyed) return;
  if (isStream) {
    const { before, deltas, after } = streamedAnswer(url, chunks, true);
    const [first = '', ...others] = deltas;
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    stream(res, [before + first, ...others, after], chunkMs);
  } else {
    const whole = Buffer.from(JSON.stringify(wholeAnswer(url, true)));
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
    res.end(whole);
  }
}

function serve(port: number, pace: Pace): void {
  let begun = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((req, res) => {
    if (req.method === 'GET') {
      res.end(JSON.stringify(wholeAnswer('/v1/models', false)));
      return;
    }
    begun++;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    res.once('close', () => atOnce--);
    let isStream = false;
    req.on('data', (chunk: Buffer) => {
      isStream ||= chunk.includes('"stream":true');
    });
    req.on('end', () => setTimeout(answer, pace.serviceMs, res, req.url ?? '', isStream, pace));
  });
  const count = (): ReplicaCount => {
    const counted = { begun, mostAtOnce };
    begun = 0;
    mostAtOnce = atOnce;
    return counted;
  };
  server.keepAliveTimeout = 120_000;
  server.listen(port, '127.0.0.1', () => reportToParent(`http://127.0.0.1:${port}`, { count }));
}

const [, main, port, serviceMs, chunks, chunkMs] = process.argv;
if (main === fileURLToPath(import.meta.url)) {
  serve(Number(port), { serviceMs: Number(serviceMs), chunks: Number(chunks), chunkMs: Number(chunkMs) });
}
