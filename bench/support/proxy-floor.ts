/**
 * The barest proxy that Node can be: node:http in front, undici's `dispatch` behind, one handler object
 * per request, nothing else: no keys, no log, no metrics, no back-pressure. What the gateway costs per
 * request is told as a multiple of this.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, Pool } from 'undici';
import { type MeasuredProcess, reportToParent, startMeasured } from './measured-process.ts';

export const startProxyFloor = (upstreamUrl: string): Promise<MeasuredProcess> =>
  startMeasured(new URL(import.meta.url), [upstreamUrl]);

class Passing implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    { connection, 'transfer-encoding': _, 'keep-alive': __, ...headers }: Record<string, string | string[] | undefined>,
  ): void {
    this.#res.writeHead(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#res.write(chunk);
  }

  onResponseEnd(): void {
    this.#res.end();
  }

  onResponseError(): void {
    this.#res.destroy();
  }
}

function serve(upstreamUrl: string): void {
  const upstream = new Pool(upstreamUrl);
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', chunk => chunks.push(chunk));
    req.on('end', () => {
      const body = chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks);
      const { host, connection, 'content-length': _, ...headers } = req.headers;
      upstream.dispatch({ path: req.url ?? '/', method: 'POST', headers, body }, new Passing(res));
    });
  });
  server.listen(0, '127.0.0.1', () => reportToParent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

const [, main, upstreamUrl] = process.argv;
if (main === fileURLToPath(import.meta.url) && upstreamUrl !== undefined) serve(upstreamUrl);
