/** An upstream in a process of its own that serves each request for the time in its `x-service-ms`. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';

export const startTimedUpstream = (): Promise<MeasuredProcess> => startMeasured(new URL(import.meta.url));

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
  const server = createServer((req, res) => {
    req.resume().on('end', () => {
      setTimeout(() => {
        res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
        res.end(answer);
      }, Number(req.headers['x-service-ms']));
    });
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1', () => reportToParent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve();
