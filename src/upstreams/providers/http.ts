import { buildConnector } from 'undici';
import type { ForwardPriority, HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { GatewayError } from '../../domain/errors.ts';
import type { Sink } from '../../domain/sink.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { Dialect } from '../../domain/vocabulary.ts';
import { bodyWithLevel } from '../body-splice.ts';
import { Connections } from '../connections.ts';
import { throughTunnel, toProxy } from '../forward-proxy.ts';
import { HeaderFilter } from '../headers.ts';
import type { ListedModel } from '../models/listed-model.ts';
import { fetchModels } from '../models/model-list.ts';
import { clientGone, type Forwarded, type PutBack, type Upstream, type UpstreamCall } from '../provider.ts';
import { type ProxyContext, proxy } from '../proxy.ts';

/** An upstream behind HTTP that speaks the dialect it is called in. */
export class HttpUpstream implements Upstream {
  readonly name: string;
  readonly pool: string;
  readonly affinity = 'none';
  readonly models: readonly string[];
  readonly #dialect: Dialect;
  /** Sent with every call. */
  readonly #headers: readonly string[];
  readonly #listHeaders: readonly string[];
  readonly #filter: HeaderFilter;
  readonly #forwardPriority: ForwardPriority | null;
  readonly #context: ProxyContext;

  constructor(config: HttpProviderConfig, clock: Clock) {
    const way = wayTo(config);
    this.name = config.name;
    this.pool = config.pool;
    this.models = config.models;
    this.#dialect = config.type;
    this.#headers = ['accept-encoding', 'identity', ...keyHeader(config), ...config.headers.flat(), ...way.headers];
    const names = config.headers.map(([name]) => name);
    const isVersionNeeded = config.type === 'anthropic' && !names.includes('anthropic-version');
    this.#listHeaders = [...this.#headers, ...(isVersionNeeded ? ['anthropic-version', '2023-06-01'] : [])];
    this.#filter = new HeaderFilter(config.passHeaders, names);
    this.#forwardPriority = config.forwardPriority;
    this.#context = {
      clock,
      stallMs: config.idleTimeoutMs,
      totalTimeoutMs: config.totalTimeoutMs,
      running: new Ring(),
      connections: new Connections(way.origin, config, way.connect),
      basePath: way.basePath,
      proxy: way.isAskedItself ? config.proxy : null,
    };
  }

  serves(dialect: Dialect): boolean {
    return dialect === this.#dialect;
  }

  forward(call: UpstreamCall, sink: Sink): Promise<Forwarded | PutBack> {
    if (sink.isClosed) return Promise.resolve(clientGone);
    const headers = this.#filter.upstream(call.headers, this.#headers, call.requestId);
    const body = this.#forwardPriority === null ? call.body : bodyWithLevel(this.#forwardPriority, call);
    return proxy(call, headers, sink, this.#context, body);
  }

  async listModels(): Promise<readonly ListedModel[]> {
    const { basePath, connections, clock } = this.#context;
    const connection = connections.take();
    try {
      return await fetchModels({
        client: connection.client,
        path: basePath + (this.#dialect === 'anthropic' ? '/v1/models?limit=1000' : '/models'),
        cursor: this.#dialect === 'anthropic' ? 'after_id' : null,
        headers: this.#listHeaders,
        ownedBy: this.name,
        clock,
      });
    } finally {
      connections.give(connection);
    }
  }

  abortAll(error: GatewayError): void {
    for (const answer of [...this.#context.running]) answer.abort(error);
  }

  close(): Promise<void> {
    return this.#context.connections.close();
  }
}

function keyHeader({ type, apiKey }: HttpProviderConfig): readonly string[] {
  if (apiKey === null) return [];
  return type === 'anthropic' ? ['x-api-key', apiKey] : ['authorization', `Bearer ${apiKey}`];
}

/** The route of calls to an upstream. */
interface Way {
  /** The origin to connect to. */
  readonly origin: string;
  readonly connect: buildConnector.connector;
  /** The prefix of the paths of calls, without a slash at its end. */
  readonly basePath: string;
  readonly headers: readonly string[];
  /** The proxy sees the calls, and may answer them in the upstream's place. */
  readonly isAskedItself: boolean;
}

function wayTo({ baseUrl, proxy, connectTimeoutMs: timeout }: HttpProviderConfig): Way {
  const { origin, host, pathname, protocol } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, '');
  if (proxy === null) {
    const connect = buildConnector({ timeout, allowH2: false });
    return { origin, connect, basePath: path, headers: [], isAskedItself: false };
  }
  if (protocol === 'https:') {
    return { origin, connect: throughTunnel(proxy, timeout), basePath: path, headers: [], isAskedItself: false };
  }
  const { authorization } = proxy;
  return {
    origin: proxy.origin,
    connect: toProxy(proxy, timeout),
    basePath: origin + path,
    headers: ['host', host, ...(authorization === null ? [] : ['proxy-authorization', authorization])],
    isAskedItself: true,
  };
}
