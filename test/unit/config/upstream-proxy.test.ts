import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/config-loader.ts';
import { proxyIn, proxyOfEnvironment } from '../../../src/config/providers/upstream-proxy.ts';

const proxy = 'http://proxy:3128';

const load = (keys: string, env: Record<string, string> = {}, baseUrl = 'https://api.example.com/v1') =>
  loadConfig({
    file: null,
    text: `[provider.v]\ntype = openai\nbase_url = ${baseUrl}\n${keys}`,
    env,
    isTerminal: false,
  });
const proxyOf = (...args: Parameters<typeof load>) => {
  const [provider] = load(...args).config.providers;
  return provider?.type === 'openai' ? provider.proxy : undefined;
};

test('exceptions are known by host, domain, address, network and port', () => {
  const goes = (noProxy: string, url: string) =>
    proxyOfEnvironment(url, { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: noProxy }) !== null;
  const example = 'https://api.example.com/v1';
  const cases: [noProxy: string, url: string, goes: boolean][] = [
    ['', example, true],
    ['*', example, false],
    ['other.com, *', example, false],
    ['example.com', example, false],
    ['.example.com', example, false],
    ['*.example.com', example, false],
    ['API.Example.COM.', example, false],
    ['a b\tapi.example.com', example, false],
    ['ple.com', example, true],
    ['example.co', example, true],
    ['example.com', 'https://example.com', false],
    ['.example.com', 'https://example.com', false],
    ['*.example.com', 'https://example.com', true],
    ['example.com', 'https://example.com./v1', false],
    ['api.example.com:443', example, false],
    ['api.example.com:80', example, true],
    ['api.example.com:80', 'http://api.example.com', false],
    ['gpu:8000', 'http://gpu:8000/v1', false],
    ['gpu:8000', 'http://gpu:8001/v1', true],
    ['10.0.0.0/8', 'http://10.1.2.3:8000/v1', false],
    ['10.0.0.0/8', 'http://11.1.2.3:8000/v1', true],
    ['10.0.0.0/8', example, true],
    ['10.1.2.3', 'http://10.1.2.3/v1', false],
    ['10.1.2.3:8000', 'http://10.1.2.3:8000/v1', false],
    ['2.3', 'http://10.1.2.3/v1', true],
    ['fd00::/8', 'http://[fd00::1]:8000/v1', false],
    ['fd00::1', 'http://[fd00::1]:8000/v1', false],
    ['[fd00::1]:8000', 'http://[fd00::1]:8000/v1', false],
    ['[fd00::1]:1', 'http://[fd00::1]:8000/v1', true],
    ['10.0.0.0/99, /, :, ::/x, 1.2.3.4/5/6, [', example, true],
  ];
  for (const [noProxy, url, expected] of cases) assert.equal(goes(noProxy, url), expected, `${noProxy} · ${url}`);
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]'])
    assert.equal(goes('', `http://${host}:8000/v1`), false, host);
});

test('any text of NO_PROXY is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a1.:/*[], ') }), text => {
      const found = proxyOfEnvironment('https://a1.a/', { HTTPS_PROXY: proxy, NO_PROXY: text });
      assert.ok(found === null || found.value === proxy);
    }),
  );
});

test('https upstreams use HTTPS_PROXY, http ones HTTP_PROXY; lower case wins, an empty variable counts as not set', () => {
  const found = (url: string, env: Record<string, string>) => proxyOfEnvironment(url, env)?.value ?? null;
  assert.equal(found('https://a.b', { HTTP_PROXY: 'h', HTTPS_PROXY: 's' }), 's');
  assert.equal(found('http://a.b', { HTTP_PROXY: 'h', HTTPS_PROXY: 's' }), 'h');
  assert.equal(found('https://a.b', { HTTP_PROXY: 'h' }), null);
  assert.equal(found('https://a.b', { https_proxy: 'l', HTTPS_PROXY: 's' }), 'l');
  assert.equal(found('https://a.b', { https_proxy: ' ', HTTPS_PROXY: 's' }), 's');
  assert.equal(found('https://a.b', { HTTPS_PROXY: 's', no_proxy: 'a.b' }), null);
});

test('the URL of a proxy may have credentials, and nothing behind its port', () => {
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
  assert.deepEqual(proxyIn('http://proxy:3128'), { origin: proxy, authorization: null });
  assert.deepEqual(proxyIn('proxy:3128'), { origin: proxy, authorization: null });
  assert.deepEqual(proxyIn('https://u:p%40ss@proxy/'), { origin: 'https://proxy', authorization: basic('u:p@ss') });
  assert.deepEqual(proxyIn('http://u@proxy:3128'), { origin: proxy, authorization: basic('u:') });
  for (const bad of ['socks5://proxy:1080', 'http://', 'http://proxy/path', 'http://proxy?a=b', 'http://u:%ff@proxy'])
    assert.equal(proxyIn(bad), undefined, bad);
});

test('a proxy of the environment is used only where the provider says so, and a warning says where it is not', () => {
  const env = { HTTPS_PROXY: 'http://user:hunter2@proxy:3128', NO_PROXY: 'internal' };
  assert.deepEqual(load('').config.providers.length, 1);
  assert.equal(proxyOf('', env), null);
  const { warnings } = load('', env);
  assert.deepEqual(warnings, [
    'HTTPS_PROXY is set, but not used for [provider.v]: with proxy = environment calls go through it, with proxy = none this is not said again',
  ]);
  assert.deepEqual(load('proxy = none', env).warnings, []);
  assert.equal(proxyOf('proxy = environment', env)?.origin, proxy);
  assert.deepEqual(load('proxy = environment', env).warnings, []);
  assert.equal(proxyOf('proxy = environment', env, 'https://internal/v1'), null);
  assert.deepEqual(load('', env, 'https://internal/v1').warnings, []);
  assert.deepEqual(load('', env, 'http://127.0.0.1:1/v1').warnings, []);
  assert.equal(proxyOf('proxy = environment'), null);
  assert.equal(proxyOf('proxy = http://other:1', env, 'http://127.0.0.1:1/v1')?.origin, 'http://other:1');
});

test('a value that names no proxy is a fault whose text contains no password', () => {
  const said = (keys: string, env: Record<string, string> = {}) => {
    try {
      load(keys, env);
    } catch (error) {
      return String(error);
    }
    return assert.fail('no fault');
  };
  assert.match(said('proxy = socks5://u:hunter2@p'), /\[provider\.v\] proxy: must be none, environment, or an http/);
  assert.match(said('proxy = proxy:3128'), /\[provider\.v\] proxy: must be/);
  const env = { https_proxy: 'socks5://u:hunter2@p' };
  assert.match(said('proxy = environment', env), /\[provider\.v\] proxy: https_proxy must be an http:\/\/ or https:/);
  for (const text of [said('proxy = http://u:hunter2@p/x'), said('proxy = environment', env)])
    assert.ok(!text.includes('hunter2'));
});
