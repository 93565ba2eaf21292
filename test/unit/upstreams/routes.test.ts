import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config-loader.ts';
import { GatewayError } from '../../../src/domain/errors.ts';
import { createUpstreams, type Route } from '../../../src/upstreams/upstreams.ts';

const providers = `
[provider.a]
type = openai
base_url = http://a/v1
[provider.b]
type = openai
base_url = http://b/v1
pool = shared
[provider.claude]
type = anthropic
base_url = http://claude
[provider.local]
type = loopback
models = only-here
`;
const routesIn = (text: string) =>
  loadConfig({ file: null, text: providers + text, env: {}, isTerminal: false }).config;
const upstreamsOf = (text: string, random = () => 0) => {
  const config = routesIn(text);
  return createUpstreams(config.providers, { routes: config.routes, random });
};
const told = ({ targets }: Route) => targets.map(({ provider, model }) => `${provider.name}:${model}`).join(', ');
const isNotFound = (said: RegExp) => (error: unknown) =>
  error instanceof GatewayError && error.code === 'model_not_found' && said.test(error.message);

test('a name and its aliases lead to the targets that serve the dialect, each under its own name', () => {
  const upstreams = upstreamsOf(
    '[model.llama]\ntargets = a:big, claude, b, local:small\naliases = gpt-4o\nspill_after_sec = 2\nspill_levels = 0-2\n',
  );
  for (const name of ['llama', 'gpt-4o']) {
    const route = upstreams.resolve('openai', name);
    assert.equal(told(route), 'a:big, b:llama, local:small');
    assert.equal(route.name, 'llama');
    assert.deepEqual(route.spill, { afterMs: 2000, levels: new Set([0, 1, 2]) });
    assert.equal(told(upstreams.resolve('anthropic', name)), 'claude:llama, local:small');
  }
});

test('a name without a route goes to the first provider whose models match, under the same name', () => {
  const upstreams = upstreamsOf('[model.llama]\ntargets = b\n');
  const route = upstreams.resolve('openai', 'other');
  assert.equal(told(route), 'a:other');
  assert.equal(route.name, null);
  assert.equal(route.spill, null);
  assert.equal(told(upstreams.resolve('anthropic', 'other')), 'claude:other');
});

test('a route has the last word of its name: without a target for the dialect, no provider is asked', () => {
  const upstreams = upstreamsOf('[model.llama]\ntargets = a\n');
  assert.throws(() => upstreams.resolve('anthropic', 'llama'), isNotFound(/^No target of the model `llama` serves/));
  assert.throws(() => upstreams.wayOf('anthropic', 'llama'), isNotFound(/^No target of the model `llama` serves/));
});

test('names of objects’ own members are names like any others', () => {
  const upstreams = upstreamsOf('[model.x]\ntargets = b\n[model.constructor]\ntargets = b:y\n');
  assert.equal(told(upstreams.resolve('openai', 'constructor')), 'b:y');
  assert.equal(told(upstreams.resolve('openai', '__proto__')), 'a:__proto__');
});

test('targets that share a place are first as often as their weights say, and the others follow by weight', () => {
  let state = 1;
  // A linear congruential generator: the same draws in every run.
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const upstreams = upstreamsOf('[model.x]\ntargets = a*6 | b*3 | local, a:last\n', random);
  const orders = new Map<string, number>();
  const runs = 100_000;
  for (let run = 0; run < runs; run++) {
    const order = told(upstreams.resolve('openai', 'x'));
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  const share = (order: string) => (orders.get(`${order}, a:last`) ?? 0) / runs;
  const expected: [string, number][] = [
    ['a:x, b:x, local:x', (6 / 10) * (3 / 4)],
    ['a:x, local:x, b:x', (6 / 10) * (1 / 4)],
    ['b:x, a:x, local:x', (3 / 10) * (6 / 7)],
    ['b:x, local:x, a:x', (3 / 10) * (1 / 7)],
    ['local:x, a:x, b:x', (1 / 10) * (6 / 9)],
    ['local:x, b:x, a:x', (1 / 10) * (3 / 9)],
  ];
  for (const [order, wanted] of expected)
    assert.ok(Math.abs(share(order) - wanted) < 0.01, `${order}: ${share(order)} instead of ${wanted}`);
});

test('the greatest number that may be drawn takes the last target', () => {
  const upstreams = upstreamsOf('[model.x]\ntargets = a | b*2 | local\n', () => 1 - Number.EPSILON / 2);
  assert.equal(told(upstreams.resolve('openai', 'x')), 'local:x, b:x, a:x');
});

test('without weights to draw, a route is the same object for every request', () => {
  const upstreams = upstreamsOf('[model.x]\ntargets = a, b\n');
  assert.equal(upstreams.resolve('openai', 'x'), upstreams.resolve('openai', 'x'));
});

test('all routes are replaced at once, and a target of a provider that does not run is refused', () => {
  const upstreams = upstreamsOf('[model.x]\ntargets = b\naliases = y\n');
  upstreams.configureRoutes(routesIn('[model.z]\ntargets = local\n').routes);
  assert.equal(told(upstreams.resolve('openai', 'z')), 'local:z');
  assert.equal(told(upstreams.resolve('openai', 'y')), 'a:y');
  assert.deepEqual(
    upstreams.routes().map(({ name }) => name),
    ['z'],
  );
  const { routes } = loadConfig({
    file: null,
    text: `${providers}[provider.new]\ntype = loopback\n[model.n]\ntargets = a, new\n`,
    env: {},
    isTerminal: false,
  }).config;
  assert.throws(
    () => upstreams.refuseUnknown(routes),
    /\[model\.n\] targets: target 2 names a provider that only a restart/,
  );
});
