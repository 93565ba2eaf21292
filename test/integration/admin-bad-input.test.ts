import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { adminKey, startGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const mappings = '/admin/api-key-priority/mappings';
const config = '/admin/api-key-priority/config';
const good = { pattern: 'tok_new*', priority: 1, match_type: 'prefix' };

interface Refused {
  readonly what: string;
  readonly request: [method: string, path: string, body?: unknown];
  readonly status?: number;
  readonly param: string | null;
  readonly says: RegExp;
}
const post = (change: object): Refused['request'] => ['POST', mappings, { ...good, ...change }];
const priorityRule = /priority must be a whole number from 0 \(best\) to 9/;

const refused: Refused[] = [
  {
    what: 'an unknown field',
    request: post({ prioritty: 1 }),
    param: 'prioritty',
    says: /unknown field 'prioritty'; allowed are pattern, priority/,
  },
  { what: 'a field that only answers have', request: post({ id: 7 }), param: 'id', says: /unknown field 'id'/ },
  { what: 'a text for a number', request: post({ priority: '1' }), param: 'priority', says: priorityRule },
  { what: 'priority 10', request: post({ priority: 10 }), param: 'priority', says: /not 10/ },
  { what: 'priority -1', request: post({ priority: -1 }), param: 'priority', says: /not -1/ },
  { what: 'priority 1.5', request: post({ priority: 1.5 }), param: 'priority', says: /not 1\.5/ },
  { what: 'priority null', request: post({ priority: null }), param: 'priority', says: priorityRule },
  {
    what: 'no priority',
    request: ['POST', mappings, { pattern: 'a', match_type: 'exact' }],
    param: 'priority',
    says: /priority is missing/,
  },
  {
    what: 'an empty pattern',
    request: post({ pattern: '' }),
    param: 'pattern',
    says: /1 to 512 characters, not an empty text/,
  },
  {
    what: 'a pattern of 10 kB',
    request: post({ pattern: 'x'.repeat(10_240) }),
    param: 'pattern',
    says: /1 to 512 characters/,
  },
  { what: 'a pattern with a NUL', request: post({ pattern: 'a\0b' }), param: 'pattern', says: /NUL/ },
  { what: 'half a surrogate pair', request: post({ tenant_name: '\ud800' }), param: 'tenant_name', says: /surrogate/ },
  {
    what: 'a regex that does not compile',
    request: post({ match_type: 'regex', pattern: '(' }),
    param: 'pattern',
    says: /./,
  },
  {
    what: 'a regex with a lookahead',
    request: post({ match_type: 'regex', pattern: '(?=a)' }),
    param: 'pattern',
    says: /./,
  },
  {
    what: 'a regex of 257 characters',
    request: post({ match_type: 'regex', pattern: 'a'.repeat(257) }),
    param: 'pattern',
    says: /256/,
  },
  {
    what: 'a regex with too many repetitions',
    request: post({ match_type: 'regex', pattern: 'a{60}b{60}' }),
    param: 'pattern',
    says: /100/,
  },
  {
    what: 'an unknown match_type',
    request: post({ match_type: 'glob' }),
    param: 'match_type',
    says: /exact, prefix, suffix, contains, regex/,
  },
  {
    what: 'an unknown tenant_type',
    request: post({ tenant_type: 'partner' }),
    param: 'tenant_type',
    says: /internal, external, or null/,
  },
  { what: 'enabled as text', request: post({ enabled: 'yes' }), param: 'enabled', says: /true or false/ },
  { what: 'enabled null', request: post({ enabled: null }), param: 'enabled', says: /true or false/ },
  {
    what: 'a duplicate pattern',
    request: post({ pattern: 'tok_old*' }),
    status: 409,
    param: 'pattern',
    says: /already has this pattern/,
  },
  {
    what: 'several faults, all named',
    request: post({ priority: 10, enabled: 1, x: 1 }),
    param: 'priority',
    says: /priority.*enabled.*'x'/,
  },
  { what: 'a list for an object', request: ['POST', mappings, [good]], param: null, says: /one JSON object/ },
  { what: 'null for an object', request: ['POST', mappings, null], param: null, says: /one JSON object/ },
  {
    what: '__proto__',
    request: ['POST', mappings, JSON.parse('{"__proto__":{"a":1}}')],
    param: 'pattern',
    says: /unknown field '__proto__'/,
  },

  {
    what: 'an unknown id',
    request: ['PUT', `${mappings}/999`, { priority: 1 }],
    status: 404,
    param: null,
    says: /no mapping 999/i,
  },
  {
    what: 'deleting an unknown id',
    request: ['DELETE', `${mappings}/999`],
    status: 404,
    param: null,
    says: /no mapping 999/i,
  },
  {
    what: 'an id beyond any row',
    request: ['PUT', `${mappings}/99999999999`, {}],
    status: 404,
    param: null,
    says: /no mapping/i,
  },
  { what: 'id 0', request: ['DELETE', `${mappings}/0`], status: 404, param: null, says: /no mapping 0/i },
  { what: 'an id that is no number', request: ['PUT', `${mappings}/five`, {}], param: 'id', says: /whole number/ },
  { what: 'an id with a fraction', request: ['DELETE', `${mappings}/1.5`], param: 'id', says: /whole number/ },
  {
    what: 'a change to priority 10',
    request: ['PUT', `${mappings}/1`, { priority: 10 }],
    param: 'priority',
    says: priorityRule,
  },
  {
    what: 'a change to a bad regex',
    request: ['PUT', `${mappings}/1`, { match_type: 'regex', pattern: '[' }],
    param: 'pattern',
    says: /./,
  },
  {
    what: 'a change of the creator',
    request: ['PUT', `${mappings}/1`, { created_by: 'me' }],
    param: 'created_by',
    says: /unknown field/,
  },

  {
    what: 'a filter by priority 10',
    request: ['GET', `${mappings}?priority=10`],
    param: 'priority',
    says: priorityRule,
  },
  {
    what: 'a filter by an empty priority',
    request: ['GET', `${mappings}?priority=`],
    param: 'priority',
    says: priorityRule,
  },
  {
    what: 'an unknown filter',
    request: ['GET', `${mappings}?tenant=x`],
    param: 'tenant',
    says: /unknown query parameter 'tenant'; allowed are tenant_type/,
  },
  {
    what: 'a filter given twice',
    request: ['GET', `${mappings}?enabled=true&enabled=false`],
    param: 'enabled',
    says: /true or false/,
  },
  { what: 'a limit of 1001', request: ['GET', `${mappings}?limit=1001`], param: 'limit', says: /1 to 1000/ },
  { what: 'a limit of 0', request: ['GET', `${mappings}?limit=0`], param: 'limit', says: /1 to 1000/ },
  { what: 'a negative offset', request: ['GET', `${mappings}?offset=-1`], param: 'offset', says: /from 0/ },
  {
    what: 'a query where none is known',
    request: ['DELETE', `${mappings}/1?force=1`],
    param: 'force',
    says: /unknown query parameter/,
  },

  {
    what: 'an unknown setting',
    request: ['PUT', config, { colour: 'red' }],
    param: 'colour',
    says: /enabled, default_priority/,
  },
  { what: 'a source', request: ['PUT', config, { source: {} }], param: 'source', says: /unknown field/ },
  {
    what: 'default_priority 10',
    request: ['PUT', config, { default_priority: 10 }],
    param: 'default_priority',
    says: /0 \(best\) to 9, or null/,
  },
  {
    what: 'cache_ttl_sec 0',
    request: ['PUT', config, { cache_ttl_sec: 0 }],
    param: 'cache_ttl_sec',
    says: /1 to 86400/,
  },
  {
    what: 'an unknown policy',
    request: ['PUT', config, { x_priority: 'maybe' }],
    param: 'x_priority',
    says: /allow, internal, lower, ignore/,
  },

  {
    what: 'a user without @',
    request: ['POST', '/admin/users', { email: 'ann', role: 'gateway_user' }],
    param: 'email',
    says: /exactly one @/,
  },
  {
    what: 'a user of an unknown role',
    request: ['POST', '/admin/users', { email: 'a@x', role: 'boss' }],
    param: 'role',
    says: /root_admin, gateway_admin, gateway_user/,
  },
  {
    what: 'a user whose e-mail is taken',
    request: ['POST', '/admin/users', { email: ' ADMIN@local', role: 'gateway_user' }],
    status: 409,
    param: 'email',
    says: /already/,
  },
  {
    what: 'a change of an e-mail',
    request: ['PUT', '/admin/users/1', { email: 'b@x' }],
    param: 'email',
    says: /unknown field/,
  },
  {
    what: 'an unknown status',
    request: ['PUT', '/admin/users/1', { status: 'gone' }],
    param: 'status',
    says: /active, inactive/,
  },
  {
    what: 'the last root admin made inactive',
    request: ['PUT', '/admin/users/1', { status: 'inactive' }],
    status: 409,
    param: 'status',
    says: /last active root_admin/,
  },
  { what: 'an unknown user', request: ['PUT', '/admin/users/999', {}], status: 404, param: null, says: /no user 999/ },

  {
    what: 'a key for nobody',
    request: ['POST', '/admin/api-keys', { user_id: 999 }],
    status: 404,
    param: null,
    says: /no user 999/,
  },
  {
    what: 'a key without user_id',
    request: ['POST', '/admin/api-keys', {}],
    param: 'user_id',
    says: /user_id is missing/,
  },
  {
    what: 'a key for user 1e300',
    request: ['POST', '/admin/api-keys', { user_id: 1e300 }],
    param: 'user_id',
    says: /id of a row/,
  },
  {
    what: 'a prefix in capitals',
    request: ['POST', '/admin/api-keys', { user_id: 1, prefix: 'Prod' }],
    param: 'prefix',
    says: /a-z, 0-9/,
  },
  {
    what: 'a prefix of 33 characters',
    request: ['POST', '/admin/api-keys', { user_id: 1, prefix: 'a'.repeat(33) }],
    param: 'prefix',
    says: /1 to 32/,
  },
  {
    what: 'an empty prefix',
    request: ['POST', '/admin/api-keys', { user_id: 1, prefix: '' }],
    param: 'prefix',
    says: /1 to 32/,
  },
  {
    what: 'a prefix with a line break',
    request: ['POST', '/admin/api-keys', { user_id: 1, prefix: 'a\n' }],
    param: 'prefix',
    says: /1 to 32/,
  },
  {
    what: 'scopes as text',
    request: ['POST', '/admin/api-keys', { user_id: 1, scopes: 'chat' }],
    param: 'scopes',
    says: /a list/,
  },
  {
    what: 'scopes of numbers',
    request: ['POST', '/admin/api-keys', { user_id: 1, scopes: [1] }],
    param: 'scopes',
    says: /a list/,
  },
  {
    what: 'a scope with a NUL',
    request: ['POST', '/admin/api-keys', { user_id: 1, scopes: ['\0'] }],
    param: 'scopes',
    says: /NUL/,
  },
  {
    what: 'an expiry that is a date only',
    request: ['POST', '/admin/api-keys', { user_id: 1, expires_at: '2030-01-01' }],
    param: 'expires_at',
    says: /2030-01-31T12:00:00Z/,
  },
  {
    what: 'an expiry on February 30',
    request: ['POST', '/admin/api-keys', { user_id: 1, expires_at: '2030-02-30T00:00:00Z' }],
    param: 'expires_at',
    says: /no such moment/,
  },
  {
    what: 'an expiry in the year 0',
    request: ['POST', '/admin/api-keys', { user_id: 1, expires_at: '0000-01-01T00:00:00Z' }],
    param: 'expires_at',
    says: /0001 to 9999/,
  },
  {
    what: 'an unknown key',
    request: ['DELETE', '/admin/api-keys/999'],
    status: 404,
    param: null,
    says: /no API key 999/,
  },
];

test('bad input to the admin API is refused with a clear 4xx, loses nothing and leaks nothing', async t => {
  const database = await freshDatabase(t);
  const { url, admin, log } = await startGateway(t, { ini, database: database.url });
  assert.equal((await admin('POST', mappings, { ...good, pattern: 'tok_old*' })).status, 201);
  const tables = ['users', 'api_keys', 'api_key_priority_mappings', 'api_key_priority_config'];
  const everything = async () => Promise.all(tables.map(table => database.query(`SELECT * FROM ${table} ORDER BY 1`)));
  const before = await everything();

  for (const { what, request, status = 400, param, says } of refused) {
    await t.test(what, async () => {
      const answer = await admin(...request);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.deepEqual(Object.keys(answer.body), ['error']);
      const { message, ...error } = answer.body.error;
      const code = { 400: 'invalid_request', 404: 'not_found', 409: 'conflict' }[status];
      const type = status === 404 ? 'not_found' : 'invalid_request_error';
      assert.deepEqual(error, { type, param, code });
      assert.match(message, says);
      assert.ok(message.length < 600, `${message.length} characters`);
    });
  }

  const bodies: [what: string, body: string | Uint8Array, contentType: string, status: number, code: string][] = [
    ['malformed JSON', '{"pattern":', 'application/json', 400, 'invalid_request'],
    ['an empty body', '', 'application/json', 400, 'invalid_request'],
    ['JSON that is no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'application/json', 400, 'invalid_request'],
    ['another content type', JSON.stringify(good), 'text/plain', 400, 'invalid_request'],
    ['a deeply nested body', '['.repeat(500_000), 'application/json', 400, 'invalid_request'],
    [
      'a body of 11 MB',
      JSON.stringify({ ...good, description: 'x'.repeat(11e6) }),
      'application/json',
      413,
      'request_too_large',
    ],
  ];
  for (const [what, body, contentType, status, code] of bodies) {
    await t.test(what, async () => {
      const headers = { authorization: `Bearer ${adminKey}`, 'content-type': contentType };
      const response = await fetch(url + mappings, { method: 'POST', headers, body });
      const { error } = (await response.json()) as { error: { code: string } };
      assert.deepEqual([response.status, error.code], [status, code]);
    });
  }

  await t.test('a body of 11 MB that does not say how long it is', async () => {
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const answered = Promise.withResolvers<number | undefined>();
    const upload = request(url + mappings, { method: 'POST', headers }, response => {
      answered.resolve(response.statusCode);
      upload.destroy();
    });
    upload.on('error', answered.reject);
    for (let i = 0; i < 11; i++) upload.write('x'.repeat(1e6));
    assert.equal(await answered.promise, 413);
  });

  await t.test('nothing was changed, logged as our fault, or told beyond the first 8 characters of a key', async () => {
    assert.deepEqual(await everything(), before);
    const lines = log.join('\n');
    assert.doesNotMatch(lines, /"level":"error"|"level":50/);
    assert.ok(!lines.includes(adminKey.slice(0, 9)));
    assert.equal((await admin('POST', mappings, good)).status, 201);
  });
});
