// The routes of [model.NAME] through the whole gateway: which upstream gets what, and what clients get of its answers.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';
import OpenAI from 'openai';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { runCli } from '../support/gateway-cli.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const hello = [{ role: 'user' as const, content: 'hello' }];
const restoring = { TOKLIGENCE_GATEWAY_RESTORE_MODEL: 'true' };
const openai = (name: string, { url }: FakeUpstream, more = '') =>
  `[provider.${name}]\ntype = openai\nbase_url = ${url}/v1\n${more}\n`;
const anthropic = (name: string, { url }: FakeUpstream) => `[provider.${name}]\ntype = anthropic\nbase_url = ${url}\n`;

async function arrange(t: TestContext, routes: string, { more = '', env = {} } = {}) {
  const gpu = await startFakeUpstream(t);
  const cloud = await startFakeUpstream(t);
  const ini = openai('gpu', gpu, more) + anthropic('claude', cloud) + routes;
  const gateway = await startGateway(t, { ini, env });
  return { gpu, cloud, gateway, ini };
}

/** Sends the body in these pieces, each written once the one before it has gone out. */
async function send(gateway: TestGateway, pieces: readonly (string | Buffer)[], path = '/v1/chat/completions') {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string; headers: object }>();
  const sent = request(gateway.url + path, { method: 'POST', headers, agent: false }, async answer => {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString(), headers: answer.headers });
  }).on('error', reject);
  sent.setNoDelay(true);
  for (const piece of pieces) await new Promise<void>(written => sent.write(piece, () => written()));
  sent.end();
  return promise;
}

const lastBody = ({ requests }: FakeUpstream): string => requests.at(-1)?.body.toString() ?? '';

test('the SDKs reach the targets of an alias, each in its dialect and under its own name', async t => {
  const { gpu, cloud, gateway } = await arrange(
    t,
    '[model.assistant]\ntargets = gpu:meta-llama/Llama-3.3-70B, claude:claude-x\naliases = gpt-4o, default\n',
  );
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  const whole = await client.chat.completions.create({ model: 'gpt-4o', messages: hello });
  assert.equal(whole.choices[0]?.message.content, 'Hello.');
  assert.equal(whole.model, 'fake');
  assert.equal(JSON.parse(lastBody(gpu)).model, 'meta-llama/Llama-3.3-70B');
  gpu.reply({ chunks: 3 });
  const models = new Set<string>();
  for await (const chunk of await client.chat.completions.create({ model: 'default', messages: hello, stream: true }))
    models.add(chunk.model);
  assert.deepEqual([...models], ['fake']);
  assert.equal(JSON.parse(lastBody(gpu)).model, 'meta-llama/Llama-3.3-70B');
  const messages = new Anthropic({ baseURL: gateway.url, apiKey: adminKey, maxRetries: 0 });
  await messages.messages.create({ model: 'gpt-4o', max_tokens: 9, messages: hello });
  assert.equal(JSON.parse(lastBody(cloud)).model, 'claude-x');
  assert.deepEqual([gpu.requests.length, cloud.requests.length], [2, 1]);
});

test('the SDKs read the model that they asked for, where it is restored', async t => {
  const { gpu, cloud, gateway } = await arrange(t, '[model.assistant]\ntargets = gpu:x, claude:y\naliases = gpt-4o\n', {
    env: restoring,
  });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  assert.equal((await client.chat.completions.create({ model: 'gpt-4o', messages: hello })).model, 'gpt-4o');
  gpu.reply({ chunks: 3 });
  const models = new Set<string>();
  for await (const chunk of await client.chat.completions.create({ model: 'gpt-4o', messages: hello, stream: true }))
    models.add(chunk.model);
  assert.deepEqual([...models], ['gpt-4o']);
  const messages = new Anthropic({ baseURL: gateway.url, apiKey: adminKey, maxRetries: 0 });
  const asked = { model: 'assistant', max_tokens: 9, messages: hello };
  assert.equal((await messages.messages.create(asked)).model, 'assistant');
  cloud.reply({ chunks: 3 });
  assert.equal((await messages.messages.stream(asked).finalMessage()).model, 'assistant');
});

test('Responses name the model that was asked for in each of their events, where it is restored', async t => {
  const gateway = await startGateway(t, {
    ini: '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n[model.assistant]\ntargets = local:small\n',
    env: restoring,
  });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  assert.equal((await client.responses.create({ model: 'assistant', input: 'hello' })).model, 'assistant');
  const models: string[] = [];
  for await (const event of await client.responses.create({ model: 'assistant', input: 'hello', stream: true }))
    if ('response' in event) models.push(event.response.model);
  assert.deepEqual(models, ['assistant', 'assistant']);
});

test('every byte of a body but the model’s goes upstream as it came, wherever the body is cut', async t => {
  const name = 'größe "\\ \u{1f600}';
  const { gpu, gateway } = await arrange(t, `[model.asked]\ntargets = 'gpu:${JSON.stringify(name)}'\n`);
  const body = (model: string) =>
    ` {"a":{"model":"asked"},"m\\u006fdel" : ${model} ,"messages":[{"content":"\u{1f600} \\ud83d\\ude00 \\"model\\":\\"asked\\""}],"n":1.50e3,\n"model":${model}}\r\n`;
  const given = Buffer.from(body('"\\u0061sked"'));
  const wanted = body(JSON.stringify(name));
  for (let cut = 1; cut < given.length; cut++) {
    const { status } = await send(gateway, [given.subarray(0, cut), given.subarray(cut)]);
    assert.equal(status, 200);
    assert.equal(lastBody(gpu), wanted, `cut at byte ${cut}`);
    assert.equal(Number(gpu.requests.at(-1)?.headers['content-length']), Buffer.byteLength(wanted));
  }
});

test('the model’s name may come after a megabyte, and be of 200 characters', async t => {
  const asked = 'n'.repeat(200);
  const upstream = 'u'.repeat(200);
  const { gpu, gateway } = await arrange(t, `[model.${asked}]\ntargets = gpu:${upstream}\n`);
  const begin = `{"messages":[{"content":"${'x'.repeat(2 ** 20)}"}],"model":"`;
  const { status } = await send(gateway, [`${begin}${asked.slice(0, 9)}`, `${asked.slice(9)}"}`]);
  assert.equal(status, 200);
  assert.equal(lastBody(gpu), `${begin}${upstream}"}`);
});

test('two models that differ are a 400 that names the field, and no upstream is asked', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:x\n');
  for (const body of ['{"model":"a","model":"b"}', '{"model":"b","m\\u006fdel":"a"}', '{"model":"c","model":"d"}']) {
    const { status, text } = await send(gateway, [body]);
    assert.equal(status, 400);
    const { error } = JSON.parse(text);
    assert.deepEqual([error.code, error.param], ['invalid_request', 'model']);
    assert.match(error.message, /stands twice, with different values/);
  }
  assert.equal(gpu.requests.length, 0);
  await send(gateway, ['{"model":"a","model":"a"}']);
  assert.equal(lastBody(gpu), '{"model":"x","model":"x"}');
});

test('the model and the level are written in one pass, in any order of the members', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:longer\n', { more: 'forward_priority = vllm' });
  for (const [given, wanted] of [
    ['{"model":"a","priority":9,"x":1}', '{"model":"longer","priority":7,"x":1}'],
    ['{"priority":9,"x":1,"model":"a"}', '{"priority":7,"x":1,"model":"longer"}'],
    [
      '{"model":"a","priority":9,"model":"a","priority":8}',
      '{"model":"longer","priority":7,"model":"longer","priority":7}',
    ],
    ['{"model":"a"}', '{"model":"longer","priority":7}'],
    ['{"model":"b"}', '{"model":"b","priority":7}'],
  ] as const) {
    await send(gateway, [given]);
    assert.equal(lastBody(gpu), wanted);
  }
});

test('an answer is not touched by default, and where the name is the same', async t => {
  const { gpu, gateway, ini } = await arrange(t, '[model.a]\ntargets = gpu:x\n');
  const restorer = await startGateway(t, { ini, env: restoring });
  const body = ' {"model" : "x","usage":{"prompt_tokens":1,"completion_tokens":1} } ';
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length), etag: '"1"' };
  gpu.reply({ body, headers });
  for (const [through, model] of [
    [gateway, 'a'],
    [restorer, 'x'],
  ] as const) {
    const answer = await through.chat(adminKey, { model });
    assert.equal(answer.headers.get('content-length'), String(body.length));
    assert.equal(answer.headers.get('etag'), '"1"');
    assert.equal(await answer.text(), body);
  }
});

test('a restored answer tells no length or digest of other bytes, and is metered as before', async t => {
  const { gpu, gateway } = await arrange(t, '[model.much-longer-than-x]\ntargets = gpu:x\n', { env: restoring });
  const body = (model: string) =>
    `{"model" : ${JSON.stringify(model)},"choices":[{"model":"x"}],"usage":{"prompt_tokens":30,"completion_tokens":40}}`;
  const headers = { 'content-type': 'application/json', 'content-length': String(body('x').length), etag: '"1"' };
  gpu.reply({ body: body('x'), headers });
  const answer = await gateway.chat(adminKey, { model: 'much-longer-than-x' });
  assert.equal(answer.headers.get('content-length'), null);
  assert.equal(answer.headers.get('etag'), null);
  assert.equal(await answer.text(), body('much-longer-than-x'));
  await until(() => gateway.log.some(line => line.includes('"output_tokens":40')));
  assert.ok(gateway.log.some(line => /"input_tokens":30/.test(line)));
});

test('answers that are compressed or no JSON, and errors, pass as they are', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:x\n', { env: restoring });
  const packed = gzipSync('{"model":"x"}');
  const replies = [
    { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: packed },
    { headers: { 'content-type': 'application/octet-stream' }, body: '{"model":"x"}' },
    { status: 404, headers: { 'content-type': 'application/json' }, body: '{"model":"x","error":{}}' },
  ];
  for (const reply of replies) {
    gpu.reply({ ...reply, headers: { ...reply.headers, 'content-length': String(reply.body.length) } });
    const { headers, text } = await send(gateway, ['{"model":"a"}']);
    assert.equal((headers as Record<string, string>)['content-length'], String(reply.body.length));
    assert.equal(text, reply.body.toString());
  }
});

test('a stream that is restored ends with an error event where its upstream breaks off', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:x\n', { env: restoring });
  gpu.reply({ chunks: 3, fault: 'break' });
  const text = await (await gateway.chat(adminKey, { model: 'a', stream: true })).text();
  assert.ok(!text.includes('"model":"fake"') && text.includes('"model":"a"'), text);
  assert.match(text, /\ndata: \{"error":\{.*"upstream_failed"/);
});

test('the lists of models have the routes and their aliases, in the dialects that a target serves', async t => {
  const { gpu, cloud, gateway } = await arrange(
    t,
    '[model.both]\ntargets = gpu:x, claude:y\naliases = other\n[model.a/b]\ntargets = gpu\n[model.known]\ntargets = gpu\n',
  );
  gpu.reply({
    body: { object: 'list', data: [{ id: 'known', object: 'model', created: 7, owned_by: 'org', max_model_len: 9 }] },
  });
  cloud.reply({
    body: { data: [{ type: 'model', id: 'a/b', display_name: 'A', created_at: '2026-01-01T00:00:00Z' }] },
  });
  const get = async (path: string) => {
    const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${adminKey}` } });
    return { status: answer.status, body: (await answer.json()) as any };
  };
  const { body } = await get('/v1/models');
  const ofAnthropic = { type: 'model', display_name: 'A', created_at: '2026-01-01T00:00:00Z' };
  assert.deepEqual(body.data, [
    { id: 'both', object: 'model', created: 0, owned_by: 'tokligence' },
    { id: 'other', object: 'model', created: 0, owned_by: 'tokligence' },
    { id: 'known', object: 'model', created: 7, owned_by: 'org', max_model_len: 9 },
    { id: 'a/b', object: 'model', created: 1_767_225_600, owned_by: 'claude', ...ofAnthropic },
  ]);
  assert.deepEqual((await get('/v1/models/other')).body, body.data[1]);
  assert.deepEqual((await get('/v1/models/known')).body, body.data[2]);
  const ids = (await get('/anthropic/v1/models')).body.data.map(({ id }: { id: string }) => id);
  // A route has the last word of its name: Anthropic's clients would get a 404 for a/b and known.
  assert.deepEqual(ids, ['both', 'other']);
  assert.equal((await get('/anthropic/v1/models/a/b')).status, 404);
  assert.equal((await get('/anthropic/v1/models/other')).body.display_name, 'other');
  const refused = await send(gateway, ['{"model":"a/b","max_tokens":1}'], '/v1/messages');
  assert.equal(refused.status, 404);
  assert.match(refused.text, /No target of the model `a\/b` serves this route/);
});

test('an upstream that closes a model closes it under its own name', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:x\naliases = b\n');
  gpu.reply({ status: 429, headers: { 'retry-after': '60' } });
  const closed = await gateway.chat(adminKey, { model: 'b' });
  await closed.text();
  const { providers } = (await gateway.admin('GET', '/admin/providers')).body;
  const [provider] = providers.filter(({ name }: { name: string }) => name === 'gpu');
  assert.deepEqual(
    provider.health.closed_models.map(({ model }: { model: string }) => model),
    ['x'],
  );
});

test('routes change with the file while streams run, and a file with an unknown provider changes nothing', async t => {
  const { gpu, cloud, gateway, ini } = await arrange(t, '[model.a]\ntargets = gpu:one\naliases = old\n');
  const other = openai('cheap', cloud);
  gpu.reply({ chunks: 2, gated: true });
  const running = gateway.chat(adminKey, { model: 'a', stream: true });
  await gpu.waitForActive(1);
  gateway.reload(ini.replace('gpu:one', 'gpu:two').replace('aliases = old', 'aliases = new'));
  await until(() => gateway.log.some(line => line.includes('The configuration is read again')));
  gpu.open();
  assert.match(await (await running).text(), /\[DONE\]/);
  await (await gateway.chat(adminKey, { model: 'new' })).text();
  assert.equal(JSON.parse(lastBody(gpu)).model, 'two');
  await (await gateway.chat(adminKey, { model: 'old' })).text();
  assert.equal(JSON.parse(lastBody(gpu)).model, 'old');
  gateway.reload(`${ini.replace('gpu:one', 'gpu:three, cheap')}${other}`);
  await until(() =>
    gateway.log.some(line => line.includes('[model.a] targets: target 2 names a provider that only a restart')),
  );
  await (await gateway.chat(adminKey, { model: 'a' })).text();
  assert.equal(JSON.parse(lastBody(gpu)).model, 'two');
  assert.ok(!gateway.log.some(line => line.includes('only a restart takes it')));
});

test('admins list the routes in effect, page by page, and so does the command line', async t => {
  const { gateway } = await arrange(
    t,
    '[provider.local]\ntype = loopback\npool = shared\n' +
      '[model.a]\ntargets = gpu:x*3 | local, claude:y\n' +
      'aliases = b, "c d"\nspill_after_sec = 1.5\nspill_levels = 0-2\n[model.z]\ntargets = gpu\n',
  );
  const { status, body } = await gateway.admin('GET', '/admin/routes?limit=1');
  assert.equal(status, 200);
  assert.deepEqual(body, {
    routes: [
      {
        name: 'a',
        aliases: ['b', 'c d'],
        targets: 'gpu:x*3 | local, claude:y',
        order: [
          { place: 1, provider: 'gpu', model: 'x', weight: 3, pool: 'gpu', dialects: ['openai'] },
          { place: 1, provider: 'local', model: 'a', weight: 1, pool: 'shared', dialects: ['openai', 'anthropic'] },
          { place: 2, provider: 'claude', model: 'y', weight: 1, pool: 'claude', dialects: ['anthropic'] },
        ],
        spill_after_sec: 1.5,
        spill_levels: [0, 1, 2],
        source: 'file',
      },
    ],
    total: 2,
  });
  const cli = await runCli(['routes', 'list', '--server', gateway.url], { env: { TOKLIGENCE_ADMIN_KEY: adminKey } });
  assert.equal(cli.code, 0, cli.err);
  assert.match(cli.out, /^ +name +aliases +targets +spills +source\n/);
  assert.match(
    cli.out,
    /\n +a +b, c d +gpu:x\*3 \| local, claude:y +P0 P1 P2 after 1\.5 s +file\n +z +- +gpu +- +file\n2 routes\n$/,
  );
});

test('explain tells the way of a model’s requests, in words, and whether they spill at their level', async t => {
  const database = await freshDatabase(t);
  const ini =
    '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n[provider.far]\ntype = loopback\n' +
    '[provider.gpt]\ntype = openai\nbase_url = http://127.0.0.1:9/v1\nmodels = gpt-*\n' +
    '[model.a]\ntargets = local:x*3 | gpt, far\naliases = b\nspill_after_sec = 2\nspill_levels = 0-2\n[model.o]\ntargets = gpt\n';
  const gateway = await startGateway(t, { ini, database: database.url });
  const path = '/admin/api-key-priority/explain';
  const key = await gateway.createKey();
  const explain = async (question: object) => {
    const { status, body } = await gateway.admin('POST', path, { key, ...question });
    assert.equal(status, 200, JSON.stringify(body));
    return body.route;
  };
  assert.equal(await explain({}), undefined);
  assert.deepEqual(await explain({ model: 'b', x_priority: 1 }), {
    asked: 'b',
    dialect: 'openai',
    name: 'a',
    targets: [
      { place: 1, provider: 'local', model: 'x', pool: 'local', weight: 3 },
      { place: 1, provider: 'gpt', model: 'a', pool: 'gpt', weight: 1 },
      { place: 2, provider: 'far', model: 'a', pool: 'far', weight: 1 },
    ],
    spill_after_sec: 2,
    spill_levels: [0, 1, 2],
    spills: true,
    reason:
      'The name is an alias of the route a. Requests go to local as x (pool local) for 3 of 4 or gpt as a (pool gpt) for ' +
      '1 of 4, then to far as a (pool far). A request of P1 that would wait longer than 2 s for the pool of its target ' +
      'may go to the next.',
  });
  const low = await explain({ model: 'a', dialect: 'anthropic' });
  assert.equal(low.spills, false);
  assert.equal(
    low.reason,
    'The name has a route. Requests go to local as x (pool local), then to far as a (pool far). A request of P7 waits ' +
      'for the pool of its target: only P0, P1, P2 may go to the next.',
  );
  assert.equal(
    (await explain({ model: 'gpt-x' })).reason,
    'No route has this name, so the first provider serves it whose models match. Requests go to local as gpt-x (pool local).',
  );
  const none = await explain({ model: 'o', dialect: 'anthropic' });
  assert.deepEqual([none.targets, none.spills], [[], false]);
  assert.match(none.reason, /^No target of the model `o` serves this route/);
  const faulty = await gateway.admin('POST', path, { key, dialect: 'openai' });
  assert.deepEqual([faulty.status, faulty.body.error.param], [400, 'dialect']);
  const unknown = await gateway.admin('POST', path, { key, model: 'a', dialect: 'gemini' });
  assert.deepEqual([unknown.status, unknown.body.error.param], [400, 'dialect']);
  const cli = await runCli(['mappings', 'explain', '--prefix', 'tok_', '--model', 'b', '--server', gateway.url], {
    env: { TOKLIGENCE_ADMIN_KEY: adminKey },
  });
  assert.equal(cli.code, 0, cli.err);
  assert.match(cli.out, /\nModel b: The name is an alias of the route a\. Requests go to local as x/);
});

test('any body is sent upstream with the other name as JSON.parse would read it', async t => {
  const { gpu, gateway } = await arrange(t, '[model.a]\ntargets = gpu:"an, other"\n');
  const body = fc.record({ before: fc.jsonValue(), model: fc.constant('a'), after: fc.jsonValue() });
  await fc.assert(
    fc.asyncProperty(body, fc.array(fc.nat(400), { maxLength: 3 }), async (document, cuts) => {
      const bytes = Buffer.from(JSON.stringify(document));
      const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((one, other) => one - other);
      await send(
        gateway,
        [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)),
      );
      assert.equal(lastBody(gpu), JSON.stringify({ ...document, model: 'an, other' }));
    }),
    { numRuns: 100 },
  );
});
