/**
 * An upstream in a process of its own that serves each request for the time in its `x-service-ms`, and counts what it
 * serves for each `x-who`.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';

export const startTimedUpstream = (): Promise<MeasuredProcess> => startMeasured(new URL(import.meta.url));

export interface UpstreamCount {
  /** Requests answered since the start, by who asked. */
  readonly served: Readonly<Record<string, number>>;
  /** The most that it served at the same time since the last count. */
  readonly mostAtOnce: number;
}

export const countOf = (upstream: MeasuredProcess): Promise<UpstreamCount> => upstream.ask('count');

const answer = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: 'timed',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Done.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 40, completion_tokens: 16, total_tokens: 56 },
  }),
);

function serve(): void {
  const served: Record<string, number> = {};
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((req, res) => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    res.once('close', () => atOnce--);
    const who = String(req.headers['x-who']);
    req.resume().on('end', () => {
      setTimeout(() => {
        if (res.destroyed) return;
        served[who] = (served[who] ?? 0) + 1;
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
        res.end(answer);
      }, Number(req.headers['x-service-ms']));
    });
  });
  const count = (): UpstreamCount => {
    const counted = { served, mostAtOnce };
    mostAtOnce = atOnce;
    return counted;
  };
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1', () =>
    reportToParent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { count }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
