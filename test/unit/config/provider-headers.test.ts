import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigFaults, loadConfig } from '../../../src/config/config-loader.ts';
import { needsRestart } from '../../../src/config/restart.ts';

const load = (keys: string, env: Record<string, string> = {}, type = 'openai') =>
  loadConfig({
    file: null,
    text: `[provider.v-1]\ntype = ${type}\n${type === 'loopback' ? '' : 'base_url = https://x/v1\n'}${keys}`,
    env,
    isTerminal: false,
  });
const headersOf = (...args: Parameters<typeof load>) => {
  const [provider] = load(...args).config.providers;
  return provider?.type === 'loopback' ? [] : provider?.headers;
};
const faultsOf = (...args: Parameters<typeof load>): string => {
  try {
    load(...args);
  } catch (error) {
    assert.ok(error instanceof ConfigFaults);
    return error.message;
  }
  return assert.fail('no fault');
};

test('headers are read as they are written, their names in lower case', () => {
  const text = 'header.X-Route = blue green\nheader.api-key = "a;b#c"\nheader.x.y_z = 1\nheader.empty =\n';
  assert.deepEqual(headersOf(text), [
    ['x-route', 'blue green'],
    ['api-key', 'a;b#c'],
    ['x.y_z', '1'],
  ]);
  assert.deepEqual(headersOf('header.authorization = Basic abc'), [['authorization', 'Basic abc']]);
  assert.deepEqual(headersOf('api_key = k\nheader.x-api-key = other'), [['x-api-key', 'other']]);
});

test('the environment sets headers, those that the file names and others', () => {
  const { warnings } = load('header.x_route =', { TOKLIGENCE_PROVIDER_V_1_HEADER_X_ROUTE: 'e' });
  assert.deepEqual(warnings, []);
  assert.deepEqual(headersOf('header.x_route = f', { TOKLIGENCE_PROVIDER_V_1_HEADER_X_ROUTE: 'e' }), [
    ['x_route', 'e'],
  ]);
  assert.deepEqual(headersOf('', { TOKLIGENCE_PROVIDER_V_1_HEADER_X_ROUTE: 'e' }), [['x-route', 'e']]);
  const other = load('', { TOKLIGENCE_PROVIDER_OTHER_HEADER_X: 'e' });
  assert.match(other.warnings.join(), /only overrides keys of providers that the file names/);
});

test('the settings of one provider are not the headers of another', () => {
  const { config, warnings } = loadConfig({
    file: null,
    text: '[provider.a]\ntype = openai\nbase_url = http://x\n[provider.a-header]\ntype = loopback\n',
    env: { TOKLIGENCE_PROVIDER_A_HEADER_CHUNK_MS: '7' },
    isTerminal: false,
  });
  assert.deepEqual(warnings, []);
  const [first, second] = config.providers;
  assert.deepEqual(first?.type !== 'loopback' && first?.headers, []);
  assert.equal(second?.type === 'loopback' && second.chunkMs, 7);
});

test('an invalid header is a fault that contains its name and never its value', () => {
  const own = [
    'host',
    'Content-Length',
    'connection',
    'transfer-encoding',
    'accept-encoding',
    'expect',
    'x-request-id',
  ];
  for (const name of own) {
    assert.match(
      faultsOf(`header.${name} = hunter2`),
      new RegExp(`header\\.${name.toLowerCase()}: the gateway itself`),
    );
  }
  const key = 'TOKLIGENCE_PROVIDER_V_1_HEADER_HOST';
  assert.match(faultsOf('', { [key]: 'hunter2' }), /header\.host: the gateway itself writes this header/);
  assert.match(faultsOf('header.x-a = caf\u00e9 hunter2'), /header\.x-a: must be visible characters/);
  assert.match(faultsOf(`header.x-a = ${'v'.repeat(4097)}`), /header\.x-a: must be visible characters/);
  assert.match(faultsOf('header.x-a = 1\nheader.X-A = 2'), /header\.x-a: the key stands twice/);
  assert.match(
    faultsOf('header.x-a = 1\nheader.x_a = 2'),
    /header\.x_a: the environment could not tell it from header\.x-a/,
  );
  assert.match(faultsOf('header.x a = hunter2'), /line 4 is not "key = value"/);
  assert.match(faultsOf('header. = hunter2'), /line 4 is not "key = value"/);
  assert.match(faultsOf('api_key = hunter2\nheader.authorization = x'), /api_key sends this header already/);
  assert.match(
    faultsOf('api_key = hunter2\nheader.x-api-key = x', {}, 'anthropic'),
    /api_key sends this header already/,
  );
  assert.match(faultsOf('header.x-a = hunter2', {}, 'loopback'), /header\.x-a: is for type openai and anthropic only/);
  assert.match(
    faultsOf('[gateway]\nheader.x-a = hunter2'),
    /header\.x-a: unknown key: it belongs to \[provider\.NAME\]/,
  );
  for (const text of ['header.x a = hunter2', 'header.x-a = hunter2\u00e9', 'header.host = hunter2'])
    assert.ok(!faultsOf(text).includes('hunter2'));
});

test('a changed header acts when the file is read again; what a provider is at all needs a restart', () => {
  const before = load('header.x-a = hunter2').given;
  const after = load('header.x-a = hunter3\nheader.x-b = 1').given;
  assert.deepEqual(needsRestart(before, after), []);
  assert.deepEqual(needsRestart(before, load('pool = other').given), ['[provider.v-1] pool']);
});
