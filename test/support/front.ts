import { type ClientRequest, createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { HttpProviderConfig, ProviderConfig } from '../../src/config/config.ts';
import type { BodyPlaces } from '../../src/domain/body.ts';
import { type Clock, systemClock } from '../../src/domain/clock.ts';
import { asGatewayError, errorBody, GatewayError } from '../../src/domain/errors.ts';
import type { Dialect, Level } from '../../src/domain/vocabulary.ts';
import { ClientSink } from '../../src/gateway/client-sink.ts';
import { findOperation } from '../../src/gateway/operations.ts';
import { BodyScan } from '../../src/gateway/receiving/body-scan.ts';
import {
  createUpstreams,
  type Forwarded,
  type UpstreamCall,
  type Upstreams,
  type UpstreamsParts,
} from '../../src/upstreams/upstreams.ts';

/** An OpenAI provider in front of a fake upstream. */
export function provider(url: string, more: Partial<HttpProviderConfig> = {}): HttpProviderConfig {
  return {
    type: 'openai',
    name: 'local',
    pool: 'local',
    passthrough: true,
    models: ['*'],
    baseUrls: [`${url}/v1`],
    apiKey: 'sk-of-the-provider',
    connectTimeoutMs: 10_000,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    forwardPriority: null,
    totalTimeoutMs: 3_600_000,
    passHeaders: [],
    headers: [],
    proxy: null,
    seats: { each: 8 },
    healthPath: null,
    retryUnsafe: null,
    allowedNetworks: [],
    ...more,
  };
}

export const anthropicProvider = (url: string, more: Partial<HttpProviderConfig> = {}) =>
  provider(url, { type: 'anthropic', baseUrls: [url], ...more });

export interface Front {
  readonly url: string;
  readonly upstreams: Upstreams;
  /** The end of each call, in the order of the ends. */
  readonly ends: (Ended | GatewayError)[];
  waitForEnds(count: number): Promise<void>;
  post(path: string, options?: PostOptions): Promise<Reading>;
}

interface PostOptions {
  readonly body?: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
}

interface FrontOptions extends Pick<UpstreamsParts, 'lookup' | 'random' | 'onEndpointFault'> {
  readonly clock?: Clock;
  /** Headers that the gateway adds to the answer. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  readonly level?: Level;
  readonly onOutput?: UpstreamCall['onOutput'];
  readonly onAnswer?: UpstreamCall['onAnswer'];
  /** Without it a request is never put back. */
  readonly onFailing?: UpstreamCall['onFailing'];
}

/** Without the members for the log. */
type Ended = Omit<Forwarded, 'fault' | 'upstreamRequestId'>;

/**
 * The minimal gateway around `forward`: no keys, no seats. OpenAI paths lose their /v1. `X-Endpoint` and `X-Flow` of a
 * request say which endpoint its seat would be at, and whose it is.
 */
export async function startFront(t: TestContext, provider: ProviderConfig, options: FrontOptions = {}): Promise<Front> {
  const upstreams = createUpstreams([provider], { ...options, clock: options.clock ?? systemClock });
  const ends: (Ended | GatewayError)[] = [];
  const watchers = new Set<() => void>();
  const ended = (end: Forwarded | GatewayError) => {
    if (end instanceof GatewayError) ends.push(end);
    else ends.push({ status: end.status, usage: end.usage, outcome: end.outcome });
    for (const watcher of watchers) watcher();
  };
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const url = req.url ?? '';
    const dialect: Dialect = url.startsWith('/v1/messages') ? 'anthropic' : 'openai';
    const model = /"model": ?"([^"]*)"/.exec(body.toString('latin1', 0, 1024))?.[1] ?? 'some-model';
    const call: UpstreamCall = {
      dialect,
      streamShape: findOperation('POST', url)?.streamShape ?? 'chunks',
      method: 'POST',
      path: dialect === 'anthropic' ? url : url.replace('/v1', ''),
      headers: req.headers,
      body: { pieces: [body], bytes: body.length },
      bodyPlaces: placesIn(body),
      model,
      upstreamModel: model,
      endpoint: req.headers['x-endpoint']?.toString() ?? null,
      flowId: req.headers['x-flow']?.toString() ?? 'flow',
      isAtRoot: false,
      restoresModel: false,
      stream: /"stream": ?true/.test(body.toString()),
      requestId: 'req-1',
      inputEstimate: 50,
      outputLimit: null,
      producesTokens: findOperation('POST', url)?.producesTokens ?? true,
      level: options.level ?? 7,
      onOutput: options.onOutput ?? (() => {}),
      onAnswer: options.onAnswer ?? (() => {}),
      onFailing: options.onFailing ?? (() => false),
    };
    const sink = new ClientSink(res, { ownHeaders: () => ({ ...options.answerHeaders }) });
    const forward = () => upstreams.resolve(dialect, 'some-model').targets[0].provider.forward(call, sink);
    try {
      let end = await forward();
      while (end.outcome === 'put_back') end = await forward();
      ended(end);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      if (error.code === 'internal') throw thrown;
      ended(error);
      res
        .writeHead(error.status, { 'content-type': 'application/json' })
        .end(JSON.stringify(errorBody(dialect, error)));
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
    await upstreams.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    upstreams,
    ends,
    waitForEnds: count =>
      new Promise(resolve => {
        const watcher = () => {
          if (ends.length >= count) resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
    post: (path, { body = '{"model":"some-model"}', headers = {} } = {}) => {
      const sent = request(`${url}${path}`, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      });
      sent.end(body);
      return readAnswer(sent);
    },
  };
}

/** Some bodies here would be refused by a gateway. */
function placesIn(body: Buffer): BodyPlaces {
  const scan = new BodyScan();
  try {
    scan.push(body);
    return scan.end().places;
  } catch {
    return { closedAt: body.lastIndexOf('}'), model: [], urgency: { priority: [], service_tier: [] } };
  }
}

/** An answer as it arrives. */
export interface Reading {
  readonly answer: IncomingMessage;
  /** Everything received so far. */
  text(): string;
  bytes(): Buffer;
  /** Resolves once the text so far satisfies the condition. */
  until(isThere: (text: string) => boolean): Promise<void>;
  /** Resolves to the whole text; rejects if the connection broke. */
  whole(): Promise<string>;
  leave(): void;
}

/** Sends without waiting for an answer. */
export function sendOnly(url: string, body = '{"model":"some-model"}'): ClientRequest {
  const sent = request(url, { method: 'POST', agent: false, headers: { 'content-length': Buffer.byteLength(body) } });
  sent.on('error', () => {});
  sent.end(body);
  return sent;
}

function readAnswer(sent: ClientRequest): Promise<Reading> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', answer => resolve(reading(sent, answer)));
  });
}

function reading(sent: ClientRequest, answer: IncomingMessage): Reading {
  const chunks: Buffer[] = [];
  const watchers = new Set<() => void>();
  const text = () => Buffer.concat(chunks).toString();
  answer.on('data', chunk => {
    chunks.push(chunk);
    for (const watcher of watchers) watcher();
  });
  const whole = new Promise<string>((resolve, reject) => {
    answer.on('end', () => resolve(text()));
    answer.on('error', reject);
  });
  whole.catch(() => {});
  return {
    answer,
    text,
    bytes: () => Buffer.concat(chunks),
    until: isThere =>
      new Promise(resolve => {
        const watcher = () => {
          if (isThere(text())) resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
    whole: () => whole,
    leave: () => sent.destroy(),
  };
}
