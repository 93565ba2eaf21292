import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigFaults, describeFault, loadConfig } from '../../../src/config/config-loader.ts';
import { effectivePool } from '../../../src/pool-settings/effective-pool.ts';

const load = (text: string, env: Record<string, string> = {}) =>
  loadConfig({ file: null, text, env, isTerminal: false }).config;
const provider = (keys: string, name = 'gpu') => `[provider.${name}]\ntype = openai\n${keys}\n`;
const faultsOf = (text: string, env: Record<string, string> = {}): string => {
  try {
    load(text, env);
  } catch (error) {
    if (error instanceof ConfigFaults) return error.faults.map(describeFault).join('\n');
    throw error;
  }
  return assert.fail('no fault');
};
const endpointsOf = (text: string, at = 0) => {
  const given = load(text).providers[at];
  return given === undefined || given.type === 'loopback' ? assert.fail() : given;
};
const seatsOf = (text: string) => load(text).pools.map(({ name, settings }) => [name, settings.seats]);
const two = 'base_url = http://a:8000/v1/, https://B:8443/v1';

test('several URLs are endpoints, and the seats of the pool are those of all of them', () => {
  const { baseUrls, seats } = endpointsOf(provider(`${two}\nmax_concurrent = 3`));
  assert.deepEqual(baseUrls, ['http://a:8000/v1', 'https://B:8443/v1']);
  assert.deepEqual(seats, { each: 3 });
  assert.deepEqual(seatsOf(provider(`${two}\nmax_concurrent = 3`)), [['gpu', 6]]);
});

test('providers of one pool share the one figure, which the endpoints of each divide', () => {
  const both = `${provider(`${two}\nmax_concurrent = 5\npool = all`)}${provider('base_url = http://c/v1\npool = all', 'other')}`;
  assert.deepEqual(seatsOf(both), [['all', 5]]);
  assert.deepEqual(endpointsOf(both).seats, { inAll: 5 });
  assert.deepEqual(endpointsOf(both, 1).seats, { inAll: 5 });
});

test('[pool.NAME] max_concurrent caps the seats, and what is reserved has to fit into them', () => {
  const capped = (more: string) => `${provider(`${two}\nmax_concurrent = 8`)}[pool.gpu]\nmax_concurrent = 5\n${more}`;
  assert.deepEqual(seatsOf(capped('')), [['gpu', 5]]);
  assert.match(
    faultsOf(capped('reserved = 5,0,0,0,0,0,0,0,0,0')),
    /\[pool.gpu\] reserved: adds up to 5; must be fewer than the 5 seats/,
  );
});

test('a stored cap that the configured reserve does not fit into is not taken, and the pool says so', () => {
  const [pool = assert.fail()] = load(
    `${provider(`${two}\nmax_concurrent = 8`)}[pool.gpu]\nreserved = 4,0,0,0,0,0,0,0,0,0`,
  ).pools;
  const rows = [{ key: 'max_concurrent', value: '3' }];
  const { settings, fault } = effectivePool(pool, rows, null);
  assert.equal(settings.seats, 16);
  assert.match(fault ?? '', /reserved adds up to 4; must be fewer than the 3 seats/);
  const raised = effectivePool(pool, [{ key: 'max_concurrent', value: '9' }], null);
  assert.equal(raised.settings.seats, 9);
  assert.equal(raised.fault, null);
});

test('how many addresses a name has is not known, so the seats are as many as a pool may have, or its cap', () => {
  const text = provider('base_url = dns+http://vllm-headless:8000/v1\nmax_concurrent = 4');
  assert.deepEqual(seatsOf(text), [['gpu', 100_000]]);
  assert.deepEqual(seatsOf(`${text}[pool.gpu]\nmax_concurrent = 12\n`), [['gpu', 12]]);
  assert.deepEqual(seatsOf(`${text}[pool.gpu]\nreserved = 9,0,0,0,0,0,0,0,0,0\n`), [['gpu', 100_000]]);
});

test('an origin that stands there twice is named', () => {
  const said = faultsOf(provider('base_url = http://a/v1, http://b/v1, http://A:80/v2'));
  assert.equal(said, '[provider.gpu] base_url: has http://a twice; each endpoint must have another host or port');
});

test('what is no URL is a fault that says what is allowed', () => {
  for (const url of [
    'http://a/v1,',
    'http://a/v1, ftp://b',
    'http://u:p@a/v1',
    'http://a/v1?x=1',
    'dns+http://10.0.0.1/v1',
    'dns+http://[::1]/v1',
    'dns+ftp://a',
    'srv+http://a',
    Array.from({ length: 101 }, (_, at) => `http://h${at}`).join(),
  ]) {
    const said = faultsOf(provider(`base_url = ${url}`));
    assert.match(said, /^\[provider.gpu\] base_url: must be an http:\/\/ or https:\/\/ URL .*dns\+http:\/\//, url);
  }
});

test('a proxy looks names up itself, so dns+ does without one', () => {
  const dns = 'base_url = dns+http://vllm/v1';
  assert.match(faultsOf(provider(`${dns}\nproxy = http://proxy:3128`)), /base_url: dns\+ needs proxy = none/);
  const env = { HTTP_PROXY: 'http://proxy:3128' };
  assert.match(faultsOf(provider(`${dns}\nproxy = environment`), env), /base_url: dns\+ needs proxy = none/);
  load(provider(`${dns}\nproxy = environment`), { ...env, NO_PROXY: 'vllm' });
});

test('the environment has one proxy for all endpoints of a provider, or none', () => {
  const text = provider('base_url = http://a/v1, http://b/v1\nproxy = environment');
  const env = { HTTP_PROXY: 'http://proxy:3128', NO_PROXY: 'b' };
  assert.match(faultsOf(text, env), /\[provider.gpu\] proxy: the environment must name one proxy for all URLs/);
  load(text, { ...env, NO_PROXY: 'a,b' });
});

test('health_path is a path, and the networks of upstreams are networks', () => {
  for (const path of ['health', '/a b', '/a?b', `/${'a'.repeat(256)}`])
    assert.match(
      faultsOf(provider(`base_url = http://a/v1\nhealth_path = ${path}`)),
      /health_path: must be a path on the upstream, from the root, such as \/health, or empty/,
    );
  assert.match(
    faultsOf(`[gateway]\nallowed_upstream_networks = 10.0.0.0/33\n${provider('base_url = http://a/v1')}`),
    /\[gateway\] allowed_upstream_networks: must be IP addresses or networks/,
  );
});
