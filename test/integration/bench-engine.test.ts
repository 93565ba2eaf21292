/** What surrounds the engine of `npm run bench -- engine`: its installation and its HTTP; llama.cpp is played. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { chatServer } from '../../bench/engine/chat-server.ts';
import { FirstCome } from '../../bench/engine/first-come.ts';
import { install, NoEngine, type NpmEnd, version } from '../../bench/engine/install.ts';
import type { Llama } from '../../bench/engine/llama.ts';
import { askAlone, urgent } from '../../bench/engine/load.ts';
import { until } from '../support/until.ts';

const packages = ['node-llama-cpp', '@node-llama-cpp/linux-x64'];

/** As npm would leave them in the folder that it is told. */
function putPackages(args: readonly string[], names = packages): void {
  const folder = args.find(arg => arg.startsWith('--prefix='))?.slice('--prefix='.length) ?? '';
  for (const name of names) {
    mkdirSync(join(folder, 'node_modules', name), { recursive: true });
    writeFileSync(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ version }));
  }
}

function arrangeInstallation(t: TestContext, npm: (args: readonly string[]) => NpmEnd) {
  const parent = mkdtempSync(join(tmpdir(), 'bench-engine-'));
  t.after(() => rmSync(parent, { recursive: true }));
  const calls: (readonly string[])[] = [];
  const folder = join(parent, 'engine');
  const run = (platform = 'linux-x64') =>
    install({
      folder,
      platform,
      tell: () => {},
      npm: async args => {
        calls.push(args);
        return npm(args);
      },
    });
  return { parent, folder, calls, run };
}

test('the engine is installed once: pinned, without scripts, and used again', async t => {
  const { parent, folder, calls, run } = arrangeInstallation(t, args => {
    putPackages(args);
    return { code: 0, errors: '' };
  });
  assert.equal(await run(), folder);
  assert.equal(await run(), folder);
  assert.equal(calls.length, 1);
  for (const argument of ['--ignore-scripts', '--omit=optional', `node-llama-cpp@${version}`]) {
    assert.ok(calls[0]?.includes(argument), argument);
  }
  assert.ok(
    calls[0]?.some(argument => /^--before=\d{4}-\d\d-\d\d$/.test(argument)),
    'its dependencies, too',
  );
  assert.ok(calls[0]?.includes(`@node-llama-cpp/linux-x64@${version}`));
  assert.deepEqual(readdirSync(parent), ['engine'], 'nothing else is left');
  // What a cleaner of temporary files has taken is installed again.
  rmSync(join(folder, 'node_modules', 'node-llama-cpp', 'package.json'));
  assert.equal(await run(), folder);
  assert.equal(calls.length, 2);
});

test('an installation that fails says what npm said, and leaves nothing that would be used', async t => {
  const offline = arrangeInstallation(t, () => ({ code: 1, errors: 'npm error code ENOTFOUND' }));
  await assert.rejects(offline.run(), (error: Error) => {
    assert.ok(error instanceof NoEngine);
    assert.match(error.message, /could not be installed.*npm registry:\nnpm error code ENOTFOUND/s);
    return true;
  });
  assert.deepEqual(readdirSync(offline.parent), []);
  const without = arrangeInstallation(t, args => {
    putPackages(args, ['node-llama-cpp']);
    return { code: 0, errors: '' };
  });
  await assert.rejects(without.run(), /npm installed no @node-llama-cpp\/linux-x64/);
  assert.deepEqual(readdirSync(without.parent), []);
  await assert.rejects(without.run('sunos-sparc'), /no engine for sunos-sparc, only for linux-x64/);
});

test('a folder that others could have written to is not used', async t => {
  const { folder, calls, run } = arrangeInstallation(t, () => ({ code: 0, errors: '' }));
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  await assert.rejects(run(), /is not a folder that only you can write to/);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  await assert.rejects(run(), /is not a folder that only you can write to/);
  assert.equal(calls.length, 0);
});

/** Says `word` as often as it is asked to, one prompt at a time. */
function playedLlama() {
  const lent = new FirstCome(['sequence']);
  const state = { answering: 0, mostAtOnce: 0 };
  const hold = { until: Promise.resolve() };
  const llama: Llama = {
    contextTokens: 1_000,
    get waiting() {
      return lent.waiting;
    },
    tokensOf: prompt => Array.from({ length: prompt.length }, (_, index) => index) as never,
    async *generate(_prompt, maxTokens, signal) {
      const sequence = await lent.take(signal);
      state.mostAtOnce = Math.max(state.mostAtOnce, ++state.answering);
      try {
        for (let token = 0; token < maxTokens; token++) {
          yield `word${token} `;
          await hold.until;
          signal.throwIfAborted();
        }
      } finally {
        state.answering--;
        lent.giveBack(sequence);
      }
    },
  };
  return { llama, state, hold };
}

async function arrangeServer(t: TestContext) {
  const played = playedLlama();
  const server = chatServer(played.llama).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = (body: object | string, init: RequestInit = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    });
  return { ...played, url, post };
}

const chat = (rest: object = {}) => ({ model: 'any', messages: [{ role: 'user', content: 'hi' }], ...rest });

test('an answer comes whole or token by token, with the tokens counted', async t => {
  const { post } = await arrangeServer(t);
  const whole = (await (await post(chat({ max_tokens: 2 }))).json()) as Record<string, any>;
  assert.equal(whole.choices[0].message.content, 'word0 word1 ');
  assert.equal(whole.choices[0].finish_reason, 'length');
  const usage = { prompt_tokens: 'user: hi\n'.length, completion_tokens: 2, total_tokens: 11 };
  assert.deepEqual(whole.usage, usage);
  const stream = await post(chat({ max_tokens: 2, stream: true, stream_options: { include_usage: true } }));
  assert.equal(stream.headers.get('content-type'), 'text/event-stream');
  const lines = (await stream.text()).split('\n\n').filter(Boolean);
  assert.equal(lines.pop(), 'data: [DONE]');
  const events = lines.map(line => JSON.parse(line.slice('data: '.length)));
  assert.deepEqual(
    events.map(({ choices }) => choices[0]?.delta.content),
    ['word0 ', 'word1 ', undefined, undefined],
  );
  assert.equal(events[2].choices[0].finish_reason, 'length');
  assert.deepEqual(events[3].usage, usage);
});

test('a request that cannot be answered is told why', async t => {
  const { post, url } = await arrangeServer(t);
  const cases: [object | string, number, RegExp][] = [
    ['{', 400, /not JSON/],
    [{}, 400, /model, messages/],
    [chat({ messages: [] }), 400, /messages.*1/],
    [chat({ messages: [{ role: 'user', content: [] }] }), 400, /messages\/0\/content.*string/],
    [chat({ max_tokens: 0 }), 400, /max_tokens.*1/],
    [chat({ max_tokens: 992 }), 400, /9 tokens of the prompt and max_tokens 992 .* 1000/],
    ['x'.repeat((1 << 20) + 1), 413, /1048576 bytes/],
  ];
  for (const [body, status, message] of cases) {
    const response = await post(body);
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(response.status, status, error.message);
    assert.match(error.message, message);
  }
  assert.equal((await fetch(`${url}/v1/models`)).status, 404);
});

test('a client that leaves, at its place in the queue or in its answer, frees it', async t => {
  const { post, hold, state, llama } = await arrangeServer(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  hold.until = promise;
  const [answered, queued] = [new AbortController(), new AbortController()];
  const first = await post(chat({ max_tokens: 50, stream: true }), { signal: answered.signal });
  const second = post(chat({ max_tokens: 1 }), { signal: queued.signal });
  const third = post(chat({ max_tokens: 1 }));
  await until(() => llama.waiting === 2);
  queued.abort();
  await assert.rejects(second, { name: 'AbortError' });
  await until(() => llama.waiting === 1);
  answered.abort();
  await assert.rejects(first.text(), { name: 'AbortError' });
  resolve();
  assert.equal((await third).status, 200);
  assert.equal(state.mostAtOnce, 1);
});

test('the load reads the text of a stream, and when its first token came', async t => {
  const { url } = await arrangeServer(t);
  const target = { url, model: 'any', urgentKey: 'key', batchKey: 'key' };
  const { text, firstTokenMs } = await askAlone(target, 1);
  assert.equal(text, Array.from({ length: urgent.maxTokens }, (_, index) => `word${index} `).join(''));
  assert.ok(firstTokenMs > 0);
});
