// The official SDKs, which repeat nothing themselves, while one of two endpoints dies by SIGKILL and comes back.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type Replica, startReplica } from '../../bench/endpoints/replica.ts';
import { freePort } from '../support/free-port.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const pace = { serviceMs: 5, chunks: 4, chunkMs: 5 };
const hello = [{ role: 'user' as const, content: 'hello' }];

/** Resolves with whether the first byte came and whether the whole did; rejects where none came. */
type Call = (key: string, turn: number) => Promise<boolean>;

const openai = (gateway: TestGateway): Call => {
  const clients = new Map<string, OpenAI>();
  return async (key, turn) => {
    const client = clients.get(key) ?? new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    clients.set(key, client);
    const request = { model: 'm', messages: hello };
    if (turn % 2 === 0) {
      const { choices } = await client.chat.completions.create(request);
      return choices[0]?.message.content === 'Hello.';
    }
    const stream = await client.chat.completions.create({ ...request, stream: true });
    return wholeOf(stream);
  };
};

const anthropic = (gateway: TestGateway): Call => {
  const clients = new Map<string, Anthropic>();
  return async (key, turn) => {
    const client = clients.get(key) ?? new Anthropic({ baseURL: gateway.url, apiKey: key, maxRetries: 0 });
    clients.set(key, client);
    const request = { model: 'm', max_tokens: 32, messages: hello };
    if (turn % 2 === 0) return (await client.messages.create(request)).stop_reason === 'end_turn';
    return wholeOf(await client.messages.create({ ...request, stream: true }));
  };
};

/** False where it ends with an error after its begin. */
async function wholeOf(stream: AsyncIterable<unknown>): Promise<boolean> {
  let events = 0;
  try {
    for await (const _ of stream) events++;
  } catch (error) {
    assert.ok(events > 0, `no exception before the first byte: ${error}`);
    return false;
  }
  return events > 0;
}

async function startPair(t: TestContext, dialect: 'openai' | 'anthropic') {
  const ports = [await freePort(), await freePort()] as const;
  const replicas: Replica[] = [await startReplica(ports[0], pace), await startReplica(ports[1], pace)];
  t.after(() => Promise.all(replicas.map(replica => replica.stop())));
  const urls = replicas.map(({ url }) => (dialect === 'openai' ? `${url}/v1` : url));
  const gateway = await startGateway(t, {
    ini: `[provider.main]\ntype = ${dialect}\nbase_url = ${urls.join(', ')}\nmax_concurrent = 8`,
  });
  const keys = await Promise.all(Array.from({ length: 4 }, () => gateway.createKey()));
  return { gateway, keys, replicas, ports };
}

for (const [name, dialect, callOf] of [
  ['openai', 'openai', openai],
  ['@anthropic-ai/sdk', 'anthropic', anthropic],
] as const) {
  test(`${name}: no exception for a request whose first byte had not come, as one of two endpoints is killed`, async t => {
    const { gateway, keys, replicas, ports } = await startPair(t, dialect);
    const call = callOf(gateway);
    const ended = { whole: 0, brokenOff: 0 };
    let isOver = false;
    const client = async (key: string) => {
      for (let turn = 0; !isOver; turn++) ended[(await call(key, turn)) ? 'whole' : 'brokenOff']++;
    };
    const all = Promise.all([...keys, ...keys, ...keys].map(client));
    // A request that throws ends the test at once.
    const goesOn = (claim: () => boolean | Promise<boolean>) => Promise.race([until(claim), all.then(() => {})]);
    const more = (count: number) => {
      const before = ended.whole;
      return goesOn(() => ended.whole >= before + count);
    };
    await more(60);
    await replicas[1]?.kill();
    await more(100);
    assert.equal((await gateway.pool()).seats, 8);
    assert.ok(ended.brokenOff <= 8, `only streams of the dead one were broken off, not ${ended.brokenOff}`);
    const brokenOff = ended.brokenOff;
    replicas[1] = await startReplica(ports[1], pace);
    await goesOn(async () => (await gateway.pool()).seats > 8);
    await more(60);
    isOver = true;
    await all;
    assert.equal(ended.brokenOff, brokenOff);
  });
}
