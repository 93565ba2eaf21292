/** Sends raw bytes to the port: answers are HTTP, none is a 500, and other clients are served meanwhile. */
import { connect } from 'node:net';
import type { Random } from '../../bench/sim/random.ts';
import { type Campaign, Finding } from './campaign.ts';
import { type Corpus, cutsOf, inPieces, latin1, mutated } from './mutate.ts';
import { adminKey, startTarget, type TargetGateway, untilIdle } from './target-gateway.ts';

const body = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
const head = (line: string, headers: string[] = []) =>
  [line, 'Host: x', `Authorization: Bearer ${adminKey}`, ...headers, '', ''].join('\r\n');
const sized = (text: string) => `Content-Length: ${Buffer.byteLength(text)}`;
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

const corpus: Corpus = {
  seeds: [
    head('POST /v1/chat/completions HTTP/1.1', [sized(body)]) + body,
    head('POST /v1/messages?beta=true HTTP/1.1', ['X-Priority: 3', 'anthropic-version: 2023-06-01', sized(body)]) +
      body,
    head('POST /v1/responses HTTP/1.1', ['Transfer-Encoding: chunked']) + chunked(body),
    head('GET /v1/models HTTP/1.1') + head('GET /healthz HTTP/1.1', ['Connection: close']),
    head('GET /admin/users?limit=1 HTTP/1.1', ['X-Forwarded-For: 1.2.3.4, ::1']),
    `${head('POST /admin/session HTTP/1.1', ['Content-Type: application/json', sized('{"key":"x"}')])}{"key":"x"}`,
    head('GET /console/ HTTP/1.1', ['Cookie: tokligence_session=abc']),
    `${head('PUT /admin/users/1 HTTP/1.1', ['Expect: 100-continue', sized('{}')])}{}`,
  ].map(text => Buffer.from(text)),
  words: [
    ...[
      '\r\n',
      '\n',
      '\r',
      '\r\n\r\n',
      ' ',
      ':',
      '\t',
      '\0',
      'HTTP/1.1',
      'HTTP/2.0',
      'PRI * HTTP/2.0',
      'CONNECT',
      'HEAD',
      'TRACE',
    ],
    ...[
      'Content-Length: 5\r\n',
      'Content-Length: -1\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Transfer-Encoding: identity\r\n',
    ],
    ...[
      'Host: y\r\n',
      'X-Priority: 99\r\n',
      'Upgrade: h2c\r\n',
      'Expect: 200-ok\r\n',
      'Connection: upgrade\r\n',
      'Content-Encoding: gzip\r\n',
    ],
    ...['0\r\n\r\n', 'ffffffffffffffff\r\n', '%', '//', '..', '?', '{', '"', 'é', '\u00ff'],
  ],
};

const casesPerStep = 40;
/** The longest wait: the input may have no end. */
const patienceMs = 150;

/** Sends the bytes in pieces; resolves to everything received. */
function exchange(port: number, pieces: readonly Buffer[]): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(end, patienceMs);
    socket.setNoDelay(true);
    socket.on('data', piece => {
      text += latin1(piece);
      // Most answers are complete then; later bytes are ignored.
      if (/\r\n\r\n[\s\S]*[}\n]$/.test(text)) setTimeout(end, 2);
    });
    socket.on('close', end);
    socket.on('error', () => {});
    socket.on('connect', () => {
      for (const piece of pieces) socket.write(piece);
    });
  });
}

const statusLine = /^HTTP\/1\.1 (\d{3}) [ -~]*\r\n/;

async function attack(target: TargetGateway, random: Random): Promise<void> {
  const input = mutated(corpus, random);
  const answer = await exchange(target.port, inPieces(input, cutsOf(input.length, random).slice(0, 30)));
  if (answer === '') return;
  const status = statusLine.exec(answer)?.[1];
  if (status === undefined) throw new Finding(`this is no HTTP: ${JSON.stringify(answer.slice(0, 200))}`, input);
  if (status === '500') throw new Finding(`a 500: ${answer.slice(0, 400)}`, input);
}

export const httpEdge: Campaign = {
  name: 'http-edge',
  share: 3,
  async start() {
    const target = await startTarget(
      'personal',
      '[provider.l]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\nmax_concurrent = 16\n',
    );
    return {
      async step(random) {
        await Promise.all(Array.from({ length: casesPerStep }, () => attack(target, random)));
        const health = await fetch(`${target.url}/healthz`, { signal: AbortSignal.timeout(5_000) });
        if (!health.ok || target.faults.length > 0)
          throw new Finding(`healthz ${health.status}; ${target.faults.join('\n')}`, '');
        return casesPerStep;
      },
      async stop() {
        await untilIdle(target);
        await target.stop();
      },
    };
  },
};
