import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const config = '/admin/api-key-priority/config';

test('in shadow a mapped key is served as if it were not, and metrics, log and settings tell what would be', async t => {
  const database = await freshDatabase(t);
  const env = { TOKLIGENCE_API_KEY_PRIORITY_MODE: 'shadow' };
  const gateway = await startGateway(t, { ini, env, database: database.url });
  const { admin, chat, createKey, log, url } = gateway;
  const key = await createKey('prod');
  const row = { pattern: 'tok_prod*', priority: 0, match_type: 'prefix', tenant_id: 'dept-prod' };
  await admin('POST', '/admin/api-key-priority/mappings', row);
  const ended = async () => {
    const answer = await chat(key);
    await answer.text();
    const id = answer.headers.get('x-request-id');
    const lines = () => log.map(text => JSON.parse(text));
    await until(async () => lines().some(line => line.request_id === id));
    const line = lines().find(line => line.request_id === id);
    return { header: answer.headers.get('x-tokligence-priority'), level: line.priority, flow: line.flow_id };
  };
  const counted = async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return text.split('\n').filter(line => line.startsWith('tokligence_shadow_requests_total'));
  };

  const off = await ended();
  assert.equal(off.header, '7');
  assert.deepEqual(await counted(), []);

  const on = await admin('PUT', config, { enabled: true });
  assert.deepEqual([on.body.mode, on.body.source.mode], ['shadow', 'environment']);
  assert.deepEqual(await ended(), off);
  assert.deepEqual(await counted(), ['tokligence_shadow_requests_total{level="7",shadow_level="0"} 1']);
  const said = log.filter(line => line.includes('Shadow: '));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /API key tok_prod\.\.\. has P7 and would have P0 by mapping 1 \(flow: .*dept-prod/);
  assert.equal(said.join().includes(key), false);

  await database.query(`INSERT INTO api_key_priority_config (key, value) VALUES ('mode', 'enforce')`);
  await admin('POST', '/admin/api-key-priority/reload');
  assert.deepEqual(await ended(), { header: '0', level: 0, flow: 'dept-prod' });
  assert.equal((await admin('GET', config)).body.source.mode, 'database');
  assert.equal((await counted()).length, 1);
  assert.equal((await admin('PUT', config, { mode: null })).body.mode, 'shadow');
  assert.equal((await admin('PUT', config, { mode: 'dry' })).status, 400);
});
