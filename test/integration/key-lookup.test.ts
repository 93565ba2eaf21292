// The owner of a key, looked up by its hash.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '../../src/identity/api-key.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { runCli } from '../support/gateway-cli.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const path = '/admin/api-keys/lookup';

for (const edition of ['team', 'personal'] as const) {
  test(`a key is found by its hash, with its state and its last use, ${edition}`, async t => {
    const database = edition === 'team' ? (await freshDatabase(t)).url : null;
    const gateway = await startGateway(t, { ini, ...(database === null ? {} : { database }) });
    const { admin, chat, log } = gateway;
    const ann = (await admin('POST', '/admin/users', { email: 'ann@example.com', role: 'gateway_user' })).body.id;
    const draw = async (wish: object = {}) =>
      (await admin('POST', '/admin/api-keys', { user_id: ann, prefix: 'prod', ...wish })).body;
    const drawn = await draw();
    const lookup = (key: string, by?: string) => admin('POST', path, { key_hash: hashKey(key) }, by);

    const { key, ...row } = drawn;
    const unused = await lookup(key);
    const { counted_since, ...found } = unused.body;
    assert.equal(unused.status, 200);
    assert.deepEqual(found, { ...row, user_email: 'ann@example.com', last_used_at: null, state: 'active' });
    assert.ok(Date.parse(counted_since) <= Date.now());
    await (await chat(key)).text();
    await until(async () => (await lookup(key)).body.last_used_at !== null);

    const expired = await draw({ expires_at: '2020-01-01T00:00:00Z' });
    assert.equal((await lookup(expired.key)).body.state, 'expired');
    await admin('PUT', `/admin/users/${ann}`, { status: 'inactive' });
    assert.equal((await lookup(key)).body.state, 'user_inactive');
    assert.equal((await lookup(expired.key)).body.state, 'expired');
    await admin('PUT', `/admin/users/${ann}`, { status: 'active' });

    const wish = { email: 'helpdesk@example.com', role: 'gateway_admin' };
    const helpdesk = (await admin('POST', '/admin/users', wish)).body.id;
    const helper = (await admin('POST', '/admin/api-keys', { user_id: helpdesk })).body.key;
    assert.equal((await lookup(key, helper)).body.id, drawn.id);
    const hidden = await lookup(adminKey, helper);
    const unknown = await lookup('tok_of_nobody', helper);
    assert.deepEqual([hidden.status, hidden.body], [404, unknown.body], 'of a root admin’s key nothing is told');
    assert.equal((await lookup(key, key)).status, 403);

    await admin('DELETE', `/admin/api-keys/${drawn.id}`);
    const gone = await lookup(key);
    assert.deepEqual([gone.status, gone.body.error.message], [404, 'No API key has this hash.']);
    assert.ok(![key, hashKey(key)].some(secret => log.join('\n').includes(secret)));
  });
}

test('a value that is no hash is refused by name', async t => {
  const { admin } = await startGateway(t, { ini });
  for (const key_hash of ['', 'a'.repeat(63), 'A'.repeat(64), `${'a'.repeat(64)}\n`, adminKey, 7, null]) {
    const { status, body } = await admin('POST', path, { key_hash });
    assert.deepEqual([status, body.error.param], [400, 'key_hash'], String(key_hash));
    assert.match(body.error.message, /key_hash must be the SHA-256 of a whole key: 64 digits of 0-9 and a-f/);
    assert.ok(!JSON.stringify(body).includes(adminKey));
  }
  assert.equal((await admin('POST', path, {})).status, 400);
  const withKey = await admin('POST', path, { key_hash: 'a'.repeat(64), key: adminKey });
  assert.match(withKey.body.error.message, /unknown field 'key'/);
});

test('the command finds a key that it reads from a file, and sends its hash alone', async t => {
  const { url, createKey } = await startGateway(t, { ini });
  const key = await createKey('prod');
  const env = { TOKLIGENCE_URL: url, TOKLIGENCE_ADMIN_KEY: adminKey };
  const found = await runCli(['keys', 'find', '--key-from', '-'], { env, stdin: `${key}\n` });
  assert.equal(found.code, 0, found.err);
  assert.match(
    found.out,
    /^Key 2 \(tok_prod_...…\): active\nuser {7}2, user-.+@example\.com\nlast used {2}not since 20.+\n/,
  );
  assert.match(found.out, /^expires {4}-$/m);
  assert.ok(!found.out.includes(key));
  const none = await runCli(['keys', 'find', '--key-from', '-'], { env, stdin: 'tok_of_nobody' });
  assert.deepEqual([none.code, none.err], [6, 'gateway: No API key has this hash.\n']);
});
