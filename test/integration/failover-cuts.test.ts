// An upstream whose answer is cut at every byte: on new and on used connections, beside another endpoint and alone.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { chunked, startRawUpstream } from '../support/raw-upstream.ts';
import { endedRequests, providerIni, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const json = '{"choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":11,"completion_tokens":3}}';
const events = [
  'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n',
  'data: {"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}\n\n',
  'data: [DONE]\n\n',
];
const answers = {
  plain: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  stream: [
    'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
    ...events.map(event => chunked(event).toString()),
    '0\r\n\r\n',
  ].join(''),
};
const headOf = (answer: string) => answer.indexOf('\r\n\r\n') + 4;

/** Answers wholly, or so many bytes and the end of the connection. */
async function startCutting(t: TestContext) {
  let cut = Number.POSITIVE_INFINITY;
  let answer = answers.plain;
  let sent = 0;
  const upstream = await startRawUpstream(t, (socket: Socket) => {
    const asked = upstream.requests.at(-1) ?? '';
    if (asked.startsWith('GET')) {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
      return;
    }
    sent++;
    if (cut >= answer.length) socket.write(answer);
    else socket.end(answer.slice(0, cut), () => socket.destroy());
  });
  return {
    upstream,
    cutAt(bytes: number, of: string) {
      cut = bytes;
      answer = of;
      sent = 0;
    },
    get sent() {
      return sent;
    },
  };
}

const clientOf = (gateway: Awaited<ReturnType<typeof startGateway>>) => async (stream: boolean) => {
  const answer = await gateway.chat(adminKey, { stream });
  const text = await answer.text().catch(() => null);
  return { status: answer.status, text, attempts: Number(answer.headers.get('x-tokligence-attempts')) };
};

const main = (url: string) => providerIni('main', { url, seats: 2 }).replace('main-only', 'm');

for (const shape of ['plain', 'stream'] as const) {
  for (const isUsed of [false, true]) {
    const answer = answers[shape];
    const name = `${shape}, ${isUsed ? 'used' : 'new'} connections`;

    test(`beside another endpoint no client sees an error before its first byte: ${name}`, async t => {
      const cutting = await startCutting(t);
      const good = await startFakeUpstream(t);
      const clock = new ManualClock();
      const ini = main(`${cutting.upstream.url}/v1, ${v1(good)}`);
      const gateway = await startGateway(t, { ini, overrides: { clock } });
      const ask = clientOf(gateway);
      let asked = 0;
      const askThere = async (bytes: number) => {
        cutting.cutAt(bytes, answer);
        for (;;) {
          // The budget of retries and the breaker are as at the begin.
          clock.advance(10_000);
          const told = await ask(shape === 'stream');
          asked++;
          if (cutting.sent > 0) return told;
        }
      };
      for (let bytes = 0; bytes < answer.length; bytes++) {
        if (isUsed) await askThere(answer.length);
        const told = await askThere(bytes);
        assert.equal(told.status, 200, `${bytes} bytes`);
        const isTold = bytes > headOf(answer) || (shape === 'stream' && bytes === headOf(answer));
        if (isTold) assert.equal(told.attempts, 1, `${bytes} bytes: not sent again after the first byte`);
        else assert.notEqual(told.text, null, `${bytes} bytes: whole`);
        assert.ok(cutting.sent <= 2);
      }
      await until(() => endedRequests(gateway).length === asked);
      assert.equal(new Set(endedRequests(gateway).map(({ request_id }) => request_id)).size, asked);
      assert.equal((await gateway.pool('main')).in_use, 0);
    });

    test(`alone it is a 502, or an answer that ends as one that broke: ${name}`, async t => {
      const cutting = await startCutting(t);
      const gateway = await startGateway(t, { ini: main(`${cutting.upstream.url}/v1`) });
      const ask = clientOf(gateway);
      let asked = 0;
      for (let bytes = 0; bytes < answer.length; bytes++) {
        cutting.cutAt(answer.length, answer);
        if (isUsed) assert.equal((await ask(shape === 'stream')).status, 200);
        asked += isUsed ? 2 : 1;
        cutting.cutAt(bytes, answer);
        const told = await ask(shape === 'stream').catch(() => null);
        const isTold = bytes > headOf(answer) || (shape === 'stream' && bytes === headOf(answer));
        assert.equal(told?.status, isTold ? 200 : 502, `${bytes} bytes`);
        assert.ok(cutting.sent <= (isUsed && bytes === 0 ? 2 : 1), `${bytes} bytes: sent ${cutting.sent} times`);
      }
      await until(() => endedRequests(gateway).length === asked);
      assert.equal((await gateway.pool('main')).in_use, 0);
    });
  }
}
