/**
 * One of several equal upstreams, in a process of its own: a short answer after a constant time, or a stream of chunks. It
 * listens on the port that it is told, so that it can come back where it was.
 */
import { createServer, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type MeasuredProcess, reportToParent, startMeasured } from '../support/measured-process.ts';

export interface Pace {
  readonly serviceMs: number;
  readonly chunks: number;
  readonly chunkMs: number;
}

export interface ReplicaCount {
  /** Requests that began since the last count. */
  readonly begun: number;
  /** The most at the same time since the last count. */
  readonly mostAtOnce: number;
}

export const startReplica = (port: number, { serviceMs, chunks, chunkMs }: Pace): Promise<MeasuredProcess> =>
  startMeasured(new URL(import.meta.url), [port, serviceMs, chunks, chunkMs].map(String));

export const countOf = (replica: MeasuredProcess): Promise<ReplicaCount> => replica.ask('count');

const usage = { prompt_tokens: 40, completion_tokens: 16, total_tokens: 56 };
const whole = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Done.' }, finish_reason: 'stop' }],
    usage,
  }),
);
const event = (more: object) =>
  Buffer.from(
    `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'm', ...more })}\n\n`,
  );
const delta = event({ choices: [{ index: 0, delta: { content: 'work ' }, finish_reason: null }] });
const end = Buffer.concat([event({ choices: [], usage }), Buffer.from('data: [DONE]\n\n')]);

function stream(res: ServerResponse, left: number, chunkMs: number): void {
  if (res.destroyed) return;
  if (left === 0) {
    res.end(end);
    return;
  }
  res.write(delta);
  setTimeout(stream, chunkMs, res, left - 1, chunkMs);
}

function serve(port: number, { serviceMs, chunks, chunkMs }: Pace): void {
  let begun = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((req, res) => {
    if (req.method === 'GET') {
      res.end('{"object":"list","data":[]}');
      return;
    }
    begun++;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    res.once('close', () => atOnce--);
    let isStream = false;
    req.on('data', (chunk: Buffer) => {
      isStream ||= chunk.includes('"stream":true');
    });
    req.on('end', () =>
      setTimeout(() => {
        if (res.destroyed) return;
        if (isStream) {
          res.writeHead(200, { 'content-type': 'text/event-stream' });
          stream(res, chunks, chunkMs);
        } else {
          res.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
          res.end(whole);
        }
      }, serviceMs),
    );
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
