import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Collector, type SeenSpan, startCollector } from './collector.ts';
import { type FakeUpstream, startFakeUpstream } from './fake-upstream.ts';
import { startGateway, type TestGateway } from './gateway.ts';

export interface Traced {
  readonly collector: Collector;
  readonly upstream: FakeUpstream;
  readonly gateway: TestGateway;
  readonly key: string;
}

interface Setting {
  readonly env?: Record<string, string>;
  /** Further lines of the file, after those of the provider. */
  readonly ini?: string;
  readonly script?: Parameters<typeof startFakeUpstream>[1];
}

/** A gateway with one seat that sends each span at once. */
export async function startTraced(t: TestContext, { env = {}, ini = '', script = {} }: Setting = {}): Promise<Traced> {
  const collector = await startCollector(t);
  const upstream = await startFakeUpstream(t, script);
  const gateway = await startGateway(t, {
    ini: `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = 1\n${ini}`,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
      OTEL_BSP_SCHEDULE_DELAY: '0',
      ...env,
    },
  });
  return { collector, upstream, gateway, key: await gateway.createKey() };
}

/** Of a client whose trace is sampled. */
export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
export const theirTrace = '0af7651916cd43dd8448eb211c80319c';

interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly query?: string;
  readonly signal?: AbortSignal;
}

export function chat({ gateway, key }: Traced, { headers = {}, body = {}, query = '', signal }: Asked = {}) {
  return fetch(`${gateway.url}/v1/chat/completions${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'a secret question' }], ...body }),
    ...(signal && { signal }),
  });
}

export const namesOf = (spans: readonly SeenSpan[]) => spans.map(({ name }) => name);

export function only(spans: readonly SeenSpan[], name: string): SeenSpan {
  const [span, ...others] = spans.filter(one => one.name === name);
  assert.ok(span !== undefined && others.length === 0, `one span ${name} of ${namesOf(spans)}`);
  return span;
}

/** The name of the first span. */
export const request = 'POST /v1/chat/completions';
/** To find a trace by. */
export const byId = (id: string) => ['tokligence.request_id', id] as const;

/** Every part lies within the request's own span, under it, in its trace. */
export function assertWhole(spans: readonly SeenSpan[]): void {
  const first = spans.find(({ kind }) => kind === 'SPAN_KIND_SERVER');
  assert.ok(first !== undefined);
  for (const span of spans) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.ok(span.endMs >= span.startMs, `${span.name} does not end before it begins`);
    if (span === first) continue;
    assert.equal(span.parentSpanId, first.spanId);
    assert.ok(span.startMs >= first.startMs && span.endMs <= first.endMs, `${span.name} is within the request`);
  }
}
