/** A cheap upstream in a process of its own: a constant answer to every request. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';

export const chunksPerStream = 100;

export const startBenchUpstream = (): Promise<MeasuredProcess> => startMeasured(new URL(import.meta.url));

const usage = { prompt_tokens: 250, completion_tokens: 100, total_tokens: 350 };
const answer = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created: 1,
    model: 'bench-model',
    choices: [
      { index: 0, message: { role: 'assistant', content: 'All work and no play. '.repeat(30) }, finish_reason: 'stop' },
    ],
    usage,
  }),
);
const event = (value: unknown) => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
const envelope = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1, model: 'bench-model' };
const delta = event({
  ...envelope,
  system_fingerprint: 'fp_0123456789',
  choices: [{ index: 0, delta: { content: ' play' }, logprobs: null, finish_reason: null }],
});
const lastDelta = Buffer.concat([event({ ...envelope, choices: [], usage }), Buffer.from('data: [DONE]\n\n')]);

/** Far enough apart that chunks travel one by one, as tokens do, and are not read at once. */
const chunkIntervalMs = 5;

function stream(res: ServerResponse, left: number): void {
  if (left === 0) {
    res.end(lastDelta);
    return;
  }
  res.write(delta);
  setTimeout(stream, chunkIntervalMs, res, left - 1);
}

function serve(): void {
  const server = createServer((req, res) => {
    let isStream = false;
    req.on('data', (chunk: Buffer) => {
      isStream ||= chunk.includes('"stream":true');
    });
    req.on('end', () => {
      if (isStream) {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        stream(res, chunksPerStream);
      } else {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
        res.end(answer);
      }
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => reportToParent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
