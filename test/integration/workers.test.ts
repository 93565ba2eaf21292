// Several processes as one gateway: what is promised holds whichever of them answers.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { adminKey } from '../support/admin-key.ts';
import { groupLives } from '../support/daemon.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import {
  createKey,
  linesOf,
  startWorkerGateway,
  type WorkerClient,
  workerSettings,
} from '../support/worker-gateway.ts';

const counterLines = (text: string) =>
  new Map(
    [...text.matchAll(/^(\w+(?:_total|_count|_bucket)(?:\{.*\})?) (\S+)$/gm)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]),
  );

const metricsKey = 'a-metrics-key-of-24-characters';
const metricsOf = async (client: WorkerClient) => (await client.ask('GET', '/metrics', { key: metricsKey })).text;
const sumOf = (text: string, line: RegExp): number =>
  [...text.matchAll(line)].reduce((sum, [, value]) => sum + Number(value), 0);
const requestsIn = (text: string): number => sumOf(text, /^tokligence_requests_total\{.*\} (\d+)$/gm);
const servedIn = (text: string): number => sumOf(text, /^tokligence_requests_total\{.*outcome="served".*\} (\d+)$/gm);
const ofTenantsIn = (text: string): number =>
  sumOf(text, /^tokligence_tenant_requests_total\{.*outcome="served".*\} (\d+)$/gm);
const tenantsIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/^tokligence_tenant_requests_total\{tenant="([^"]+)"/gm)].map(([, tenant = '']) => tenant));

test('two workers are one gateway', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const { url: database } = await freshDatabase(t);
  const gateway = await startWorkerGateway(t, {
    ini: workerSettings({
      database,
      gateway: 'trusted_proxies = 127.0.0.1',
      rest: `access_file = "FOLDER/access.log"
[auth]
admin_key = ${adminKey}
max_streams_per_key = 8
[telemetry]
metrics_key = ${metricsKey}
metrics_tenants = 1
[provider.local]
type = loopback
models = gpt-x, claude-x
service_ms = 1
chunk_ms = 1
[provider.gpu]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = 4
[pool.gpu]`,
    }),
  });
  const [one, two] = await Promise.all([gateway.client(1), gateway.client(2)]);
  const requestLines = () => linesOf(readFileSync(join(gateway.folder, 'access.log'), 'utf8'));
  const admin = (client: WorkerClient, method: string, path: string, body?: object) =>
    client.ask(method, path, { key: adminKey, ...(body && { body }) });
  const both = (times: number) => Promise.all(Array.from({ length: times }, (_, at) => gateway.client((at % 2) + 1)));

  await t.test('an endpoint that is drained by one is drained in both', async () => {
    const at = `/admin/providers/gpu/endpoints/${encodeURIComponent(upstream.url)}`;
    const stateIn = async (client: WorkerClient) => {
      const { body } = await admin(client, 'GET', '/admin/providers');
      return body.providers.find(({ name }: { name: string }) => name === 'gpu').endpoints[0].state;
    };
    assert.equal((await admin(one, 'POST', `${at}/drain`)).status, 200);
    assert.deepEqual([await stateIn(one), await stateIn(two)], ['drained', 'drained']);
    assert.equal((await admin(two, 'POST', `${at}/resume`)).status, 200);
    assert.deepEqual([await stateIn(one), await stateIn(two)], ['up', 'up']);
  });

  await t.test('answers and lines of the log tell which one it was', async () => {
    for (const path of ['/healthz', '/readyz', '/v1/models', '/admin/users'])
      assert.equal((await one.ask('GET', path)).headers['x-tokligence-gateway'], 'gw/1', path);
    await until(() => gateway.log().some(line => line.worker === 2 && line.gateway === 'gw/2'));
    assert.equal(gateway.log().filter(({ msg }) => msg.startsWith('Listening on')).length, 1);
    assert.equal(gateway.log().filter(({ msg }) => msg === 'Ready').length, 1);
    const names = async () => (await admin(two, 'GET', '/admin/fleet')).body.members.map((member: any) => member.name);
    await until(async () => (await names()).toSorted().join() === 'gw/1,gw/2');
  });

  await t.test('the official SDKs are served by both, and each request has its line in the file of both', async () => {
    const { key: apiKey } = await createKey(one);
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'hello' }];
    const whole = () => openai.chat.completions.create({ model: 'gpt-x', messages }).withResponse();
    const streamed = async () => {
      let text = '';
      for await (const chunk of await openai.chat.completions.create({ model: 'gpt-x', messages, stream: true }))
        text += chunk.choices[0]?.delta.content ?? '';
      return text;
    };
    const message = () => anthropic.messages.stream({ model: 'claude-x', max_tokens: 32, messages }).finalMessage();
    // Connections are given to the workers in turn.
    const answers = await Promise.all(Array.from({ length: 8 }, whole));
    assert.deepEqual(
      new Set(answers.map(({ response }) => response.headers.get('x-tokligence-gateway'))),
      new Set(['gw/1', 'gw/2']),
    );
    for (const { data } of answers) assert.ok((data.choices[0]?.message.content ?? '').length > 0);
    for (const text of await Promise.all(Array.from({ length: 4 }, streamed))) assert.ok(text.length > 0);
    for (const { usage } of await Promise.all(Array.from({ length: 4 }, message))) assert.ok(usage.output_tokens > 0);
    const served = () => requestLines().filter(line => line.outcome === 'served' && line.pool === 'local');
    await until(() => served().length === 16);
    assert.deepEqual(new Set(served().map(line => line.worker)), new Set([1, 2]));
    assert.ok(gateway.log().every(line => line.outcome === undefined));
  });

  await t.test('there are never more requests upstream than seats', async () => {
    const clients = await both(16);
    const { key } = await createKey(one);
    const { key: other } = await createKey(two);
    const answers = clients.map((client, at) => client.chat(at % 4 < 2 ? key : other));
    await upstream.waitForActive(4);
    upstream.open();
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
    assert.equal(upstream.maxConcurrent, 4);
    assert.equal(upstream.active, 0);
  });

  await t.test('a key has its limit of requests over both', async () => {
    upstream.shut();
    const { key } = await createKey(one);
    const clients = await both(20);
    const answers = clients.map(client => client.chat(key));
    const refused = () => requestLines().filter(({ status }) => status === 429).length;
    await upstream.waitForActive(4);
    await until(() => refused() === 12);
    upstream.open();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.equal(statuses.filter(status => status === 200).length, 8);
    assert.equal(statuses.filter(status => status === 429).length, 12);
    assert.equal((await two.chat(key)).status, 200, 'those that ended are free again');
  });

  await t.test('no connection is served by a key after its deletion was answered', async () => {
    const { id, key } = await createKey(one);
    const clients = await both(100);
    const ask = () => Promise.all(clients.map(client => client.ask('GET', '/v1/models', { key })));
    for (const { status } of await ask()) assert.equal(status, 200);
    assert.equal((await admin(one, 'DELETE', `/admin/api-keys/${id}`)).status, 200);
    for (const { status } of await ask()) assert.equal(status, 401);
  });

  await t.test('a deletion is not answered while a worker has not heard of it', async () => {
    const { id, key } = await createKey(one);
    const asking = await gateway.client(1);
    assert.equal((await two.ask('GET', '/v1/models', { key })).status, 200);
    const pid = gateway.pidOf(2);
    process.kill(pid, 'SIGSTOP');
    let isAnswered = false;
    const deleting = admin(asking, 'DELETE', `/admin/api-keys/${id}`).finally(() => {
      isAnswered = true;
    });
    // A scrape waits half a second for the one that stands still.
    await metricsOf(one);
    assert.equal(isAnswered, false);
    process.kill(pid, 'SIGCONT');
    assert.equal((await deleting).status, 200);
    assert.equal((await two.ask('GET', '/v1/models', { key })).status, 401);
    assert.equal(gateway.pidOf(2), pid, 'it was in time');
  });

  await t.test('a user who is inactive, a key that is new: in force at both when it is answered', async () => {
    const { userId, key } = await createKey(one);
    assert.equal((await two.chat(key)).status, 200);
    assert.equal((await admin(one, 'PUT', `/admin/users/${userId}`, { status: 'inactive' })).status, 200);
    assert.equal((await two.chat(key)).status, 401);
    assert.equal((await admin(one, 'PUT', `/admin/users/${userId}`, { status: 'active' })).status, 200);
    assert.equal((await two.chat(key)).status, 200, 'what was refused is asked for again');
  });

  await t.test('mappings, settings, pools and undo: in force at both when they are answered', async () => {
    const { key } = await createKey(one);
    const level = async (client: WorkerClient) => (await client.chat(key)).headers['x-tokligence-priority'];
    const base = '/admin/api-key-priority';
    assert.equal((await admin(one, 'PUT', `${base}/config`, { enabled: true })).status, 200);
    const mapping = { pattern: key, priority: 2, match_type: 'exact' };
    const { body: made } = await admin(one, 'POST', `${base}/mappings`, mapping);
    assert.equal(await level(two), '2');
    assert.equal((await admin(one, 'PUT', `${base}/mappings/${made.id}`, { priority: 3 })).status, 200);
    assert.equal(await level(two), '3');
    const [, creation] = (await admin(two, 'GET', `${base}/history?limit=2`)).body.history;
    const undone = await admin(one, 'POST', `${base}/history/${creation.id}/restore`);
    assert.equal(undone.status, 200, undone.text);
    assert.equal(await level(two), '2');
    assert.equal((await admin(two, 'POST', `${base}/reload`)).body.reloaded_count, 1);
    assert.equal((await admin(one, 'DELETE', `${base}/mappings/${made.id}`)).status, 200);
    assert.equal(await level(two), '7');
    const queueDepth = async () => (await admin(two, 'GET', '/admin/scheduler/pools/gpu')).body.max_queue_depth_pool;
    assert.equal((await admin(one, 'PUT', '/admin/scheduler/pools/gpu', { max_queue_depth_pool: 77 })).status, 200);
    assert.equal(await queueDepth(), 77);
  });

  await t.test('a session of the console is one at both, and its end too', async () => {
    const signedIn = await one.ask('POST', '/admin/session', { body: { key: adminKey } });
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0] ?? '';
    const headers = { cookie, 'x-tokligence-console': '1' };
    assert.equal((await two.ask('GET', '/admin/users', { headers })).status, 200);
    assert.equal((await one.ask('DELETE', '/admin/session', { headers })).status, 200);
    assert.equal((await two.ask('GET', '/admin/users', { headers })).status, 401);
  });

  await t.test('the file read again is in effect at both, and said once', async () => {
    const file = join(gateway.folder, 'setting.ini');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nqueue_timeout_sec = 44\n`);
    gateway.daemon.signal('SIGHUP');
    const text = 'The configuration is read again';
    await gateway.daemon.said(text);
    for (const client of [one, two])
      assert.deepEqual(
        new Set((await admin(client, 'GET', '/admin/scheduler/pools/gpu')).body.queue_timeout_sec),
        new Set([44]),
      );
    assert.equal(gateway.daemon.output.split(text).length, 2);
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n[nonsense]\n`);
    gateway.daemon.signal('SIGHUP');
    await gateway.daemon.said('The configuration is not taken');
  });

  await t.test('wrong keys of an address are counted over both', async () => {
    const statuses: number[] = [];
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    for (let guess = 0; guess < 30; guess++) {
      const client = guess % 2 === 0 ? one : two;
      statuses.push((await client.ask('GET', '/v1/models', { key: `tok_guess_${guess}`, headers })).status);
    }
    // One process tells the other while its answer is on its way.
    const free = statuses.filter(status => status === 401).length;
    assert.ok(free >= 20 && free <= 22, `${free} were answered without delay`);
  });

  await t.test('no counter goes back when a worker is killed, and the other one goes on', async () => {
    const { key } = await createKey(one);
    await Promise.all((await both(20)).map(client => client.chat(key)));
    const before = await metricsOf(one);
    assert.equal(requestsIn(before), requestsIn(await metricsOf(two)), 'whichever answers');
    assert.equal(tenantsIn(before).size, 2, 'one is named, and the others are one');
    assert.equal(ofTenantsIn(before), servedIn(before), 'each is counted once, whichever served it');
    process.kill(gateway.pidOf(2), 'SIGKILL');
    const pid = gateway.pidOf(2);
    let last = counterLines(before);
    const mustGrow = async () => {
      const now = counterLines(await metricsOf(one));
      for (const [name, value] of last) assert.ok((now.get(name) ?? -1) >= value, `${name} ${value} ${now.get(name)}`);
      last = now;
    };
    await until(async () => {
      await mustGrow();
      return gateway.pidOf(2) !== pid;
    });
    await mustGrow();
    const after = await metricsOf(await gateway.client(2));
    assert.match(after, /^tokligence_workers 2$/m);
    assert.match(after, /^tokligence_worker_restarts_total 1$/m);
    assert.match(after, /^tokligence_fleet_conductor 1$/m);
    assert.equal((await one.chat(key)).status, 200, 'its connections were not touched');
    assert.match(gateway.daemon.output, /Worker 2 \(process \d+\) has ended by SIGKILL: it is started again now/);
  });

  await t.test('Ctrl-C reaches the whole group and counts once: streams run to their end', async () => {
    upstream.shut();
    const { key } = await createKey(one);
    const running = (await both(4)).map(client => client.chat(key));
    await upstream.waitForActive(4);
    process.kill(-gateway.daemon.pid, 'SIGINT');
    await until(() => gateway.log().filter(({ msg }) => msg === 'Stopping').length === 2);
    upstream.open();
    for (const { status } of await Promise.all(running)) assert.equal(status, 200);
    assert.equal(await gateway.daemon.exited, 0);
    assert.equal(groupLives(gateway.daemon.pid), false);
    assert.equal(gateway.log().at(-1)?.msg, 'Stopped');
    assert.ok(gateway.log().every(({ level, msg, time }) => level && msg && time));
  });
});
