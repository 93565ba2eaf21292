/** Faulty answers of an upstream: clients still get HTTP, every request ends in one outcome, no seat is lost. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Random } from '../../bench/sim/random.ts';
import { realStreams } from '../support/real-streams.ts';
import { type Campaign, Finding } from './campaign.ts';
import { type Corpus, cutsOf, inPieces, mutated } from './mutate.ts';
import { adminKey, startTarget, type TargetGateway, untilIdle } from './target-gateway.ts';

const json = '{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":9,"completion_tokens":3}}';
const answer = (status: string, headers: string[], body: string) =>
  [`HTTP/1.1 ${status}`, ...headers, '', body].join('\r\n');
const chunked = (body: Buffer) => `${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n\r\n`;

const corpus: Corpus = {
  seeds: [
    answer('200 OK', ['Content-Type: application/json', `Content-Length: ${json.length}`], json),
    answer('429 Too Many', ['Retry-After: 0', 'Content-Length: 2'], '{}'),
    answer('307 Moved', ['Location: http://127.0.0.1:1/', 'Content-Length: 0'], ''),
    answer(
      '200 OK',
      ['Content-Type: text/event-stream', 'Content-Length: 40'],
      'data: {"choices":[]}\n\ndata: [DONE]\n\n',
    ),
    ...realStreams.map(({ bytes }) =>
      answer('200 OK', ['Content-Type: text/event-stream', 'Transfer-Encoding: chunked'], chunked(bytes)),
    ),
  ].map(text => Buffer.from(text, 'latin1')),
  words: [
    ...[
      '\r\n',
      '\n',
      '\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      'HTTP/2 200\r\n',
      '0\r\n\r\n',
      'ffff\r\n',
    ],
    ...[
      'Content-Length: 7\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Connection: close\r\n',
      'Content-Encoding: gzip\r\n',
      'Set-Cookie: a=b\r\n',
    ],
    ...[
      'data: ',
      'event: error\n',
      '"usage":',
      '"error":{"type":"server_error"}',
      '[DONE]',
      '\0',
      'é',
      '\u00ff',
      '{',
      '"',
    ],
  ],
};

const casesPerStep = 320;
/** A 429 closes a pool for a while, so there are many. */
const pools = 16;
const providers = (port: number) =>
  Array.from(
    { length: pools },
    (_, n) =>
      `[provider.u${n}]\ntype = openai\nbase_url = http://127.0.0.1:${port}/v1\nmodels = m${n}\nmax_concurrent = 16\n` +
      'first_byte_timeout_sec = 0.2\nidle_timeout_sec = 0.2\n',
  ).join('');

/** Answers each request with the next input, in pieces, and then closes, keeps silent or stays. */
function startUpstream(): Promise<{
  server: Server;
  port: number;
  inputs: Buffer[];
  random: Random;
  last: () => Buffer;
}> {
  const state = { inputs: [] as Buffer[], random: new Random(0), lastInput: Buffer.alloc(0) as Buffer };
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      const input = state.inputs.pop();
      if (input === undefined) {
        socket.destroy();
        return;
      }
      state.lastInput = input;
      for (const piece of inPieces(input, cutsOf(input.length, state.random).slice(0, 10))) socket.write(piece);
      if (state.random.uniform() < 0.7) socket.end();
      else if (state.random.uniform() < 0.5) socket.resetAndDestroy();
    });
  });
  return new Promise(resolve =>
    server.listen(0, '127.0.0.1', () =>
      resolve(
        Object.assign(state, { server, port: (server.address() as AddressInfo).port, last: () => state.lastInput }),
      ),
    ),
  );
}

async function ask(target: TargetGateway, random: Random): Promise<void> {
  const leaving = new AbortController();
  if (random.uniform() < 0.1) setTimeout(() => leaving.abort(), random.integer(20));
  try {
    const response = await fetch(`${target.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ model: `m${random.integer(pools)}`, stream: true, max_tokens: 50, messages: [] }),
      signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(10_000)]),
    });
    if (response.status === 500 || response.status < 200 || response.status > 599 || response.headers.has('location'))
      throw new Finding(`status ${response.status}, location ${response.headers.get('location')}`, '');
    await response.arrayBuffer();
  } catch (error) {
    if (error instanceof Finding) throw error;
    if (error instanceof Error && error.name === 'TimeoutError') throw new Finding('an answer never ends', '', error);
    // A plain answer that was cut breaks the connection; so does a client that left.
  }
}

export const upstreamAnswers: Campaign = {
  name: 'upstream-answers',
  share: 2,
  async start() {
    const upstream = await startUpstream();
    const target = await startTarget('personal', `${providers(upstream.port)}[scheduler]\nqueue_timeout_sec = 5\n`);
    return {
      async step(random) {
        upstream.random = random;
        upstream.inputs.splice(
          0,
          upstream.inputs.length,
          ...Array.from({ length: casesPerStep }, () => mutated(corpus, random)),
        );
        await Promise.all(Array.from({ length: casesPerStep }, () => ask(target, random)));
        if (target.faults.length > 0) throw new Finding(target.faults.join('\n'), upstream.last());
        return casesPerStep;
      },
      async stop() {
        await untilIdle(target);
        await target.stop();
        upstream.server.close();
      },
    };
  },
};
