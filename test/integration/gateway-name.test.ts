// Which gateway answered: on every answer and every line of the log, where the operator wants it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { openWire } from '../support/wire.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const header = 'x-tokligence-gateway';
const named = { TOKLIGENCE_GATEWAY_NAME: 'gw-"1\\', TOKLIGENCE_GATEWAY_TELL_NAME: 'true' };

/** One answer of every kind of route, each with its name in the log or none. */
async function answersOf({ url, chat, createKey }: TestGateway): Promise<Response[]> {
  const key = await createKey();
  const authorization = `Bearer ${adminKey}`;
  const answers = [
    chat(key),
    chat(key, { stream: true }),
    chat('tok_wrong'),
    fetch(`${url}/v1/models`, { headers: { authorization } }),
    fetch(`${url}/v1/messages`, { method: 'POST', headers: { authorization }, body: 'no JSON' }),
    fetch(`${url}/healthz`),
    fetch(`${url}/metrics`),
    fetch(`${url}/openapi.json`),
    fetch(`${url}/no-such-route`),
    fetch(`${url}/%zz`),
    fetch(`${url}/admin/users`),
    fetch(`${url}/admin/users`, { headers: { authorization } }),
    fetch(`${url}/admin/scheduler/stream`, { headers: { authorization } }),
    fetch(`${url}/console/`),
  ];
  return Promise.all(answers);
}

test('every answer names the gateway, whoever writes it, and so does every line of the log', async t => {
  const gateway = await startGateway(t, { ini, env: named });
  for (const answer of await answersOf(gateway)) {
    assert.equal(answer.headers.get(header), 'gw-"1\\', answer.url);
    await answer.body?.cancel();
  }
  const wire = await openWire(t, gateway.url);
  wire.send('no request\r\n\r\n');
  assert.match(await wire.said(/\r\n\r\n/), /^HTTP\/1\.1 400 [\s\S]*\r\nx-tokligence-gateway: gw-"1\\\r\n/);
  const repeated = await openWire(t, gateway.url);
  repeated.send('GET /healthz HTTP/1.1\r\n\r\n');
  assert.match(await repeated.said(/\r\n\r\n/), /^HTTP\/1\.1 400 [\s\S]*\r\nx-tokligence-gateway: gw-"1\\\r\n/i);
  await gateway.app.stop();
  assert.ok(gateway.log.some(line => line.includes('"outcome":"served"')));
  for (const line of gateway.log) assert.equal(JSON.parse(line).gateway, 'gw-"1\\', line);
});

test('the name of another gateway that is the upstream does not reach the client', async t => {
  const upstream = await startFakeUpstream(t, { headers: { [header]: 'other' } });
  const provider = `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n`;
  for (const [env, name] of [
    [named, 'gw-"1\\'],
    [{}, null],
  ] as const) {
    const { chat, createKey } = await startGateway(t, { ini: provider, env });
    const answer = await chat(await createKey());
    assert.deepEqual([answer.status, answer.headers.get(header)], [200, name]);
  }
});

test('without the setting no answer and no line names the gateway', async t => {
  const gateway = await startGateway(t, { ini, env: { TOKLIGENCE_GATEWAY_NAME: 'gw-1' } });
  for (const answer of await answersOf(gateway)) {
    assert.equal(answer.headers.get(header), null, answer.url);
    await answer.body?.cancel();
  }
  await gateway.app.stop();
  for (const line of gateway.log) assert.equal('gateway' in JSON.parse(line), false, line);
});

test('lines for people end with the name', async t => {
  const env = { ...named, TOKLIGENCE_GATEWAY_NAME: 'gw-1', TOKLIGENCE_LOG_FORMAT: 'pretty' };
  const gateway = await startGateway(t, { ini, env });
  await (await gateway.chat(adminKey)).text();
  await gateway.app.stop();
  assert.ok(gateway.log.length > 3);
  for (const line of gateway.log) assert.match(line, /^\[[A-Z]+\] .* gateway=gw-1$/);
});
