import type { ServerResponse } from 'node:http';
import type { ForwardPriority, HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { GatewayError } from '../../domain/errors.ts';
import type { Dialect } from '../../domain/vocabulary.ts';
import { clientGone } from '../answer.ts';
import { bodyWithLevel } from '../body-splice.ts';
import { Connections } from '../connections.ts';
import { HeaderFilter } from '../headers.ts';
import type { ListedModel } from '../listed-model.ts';
import { fetchModels } from '../model-list.ts';
import type { Forwarded, TakenBack, Upstream, UpstreamCall } from '../provider.ts';
import { type ProxyContext, proxy } from '../proxy.ts';

/** An upstream behind HTTP that speaks the dialect it is called in. */
export class HttpUpstream implements Upstream {
  readonly name: string;
  readonly pool: string;
  readonly models: readonly string[];
  readonly #dialect: Dialect;
  /** Sent with every call. */
  readonly #headers: readonly string[];
  readonly #filter: HeaderFilter;
  readonly #forwardPriority: ForwardPriority | null;
  readonly #context: ProxyContext;

  constructor(config: HttpProviderConfig, clock: Clock) {
    const { origin, pathname } = new URL(config.baseUrl);
    this.name = config.name;
    this.pool = config.pool;
    this.models = config.models;
    this.#dialect = config.type;
    this.#headers = ['accept-encoding', 'identity', ...keyHeader(config)];
    this.#filter = new HeaderFilter(config.passHeaders);
    this.#forwardPriority = config.forwardPriority;
    this.#context = {
      clock,
      stallMs: config.idleTimeoutMs,
      totalTimeoutMs: config.totalTimeoutMs,
      running: new Set(),
      connections: new Connections(origin, config),
      basePath: pathname.replace(/\/+$/, ''),
    };
  }

  serves(dialect: Dialect): boolean {
    return dialect === this.#dialect;
  }

  forward(call: UpstreamCall, res: ServerResponse): Promise<Forwarded | TakenBack> {
    if (res.destroyed) return Promise.resolve(clientGone);
    const headers = this.#filter.upstream(call.headers, this.#headers, call.requestId);
    const body = this.#forwardPriority === null ? call.body : bodyWithLevel(this.#forwardPriority, call);
    return proxy(call, headers, res, this.#context, body);
  }

  async listModels(): Promise<readonly ListedModel[]> {
    const { basePath, connections, clock } = this.#context;
    const connection = connections.take();
    try {
      return await fetchModels({
        client: connection.client,
        path: basePath + (this.#dialect === 'anthropic' ? '/v1/models?limit=1000' : '/models'),
        cursor: this.#dialect === 'anthropic' ? 'after_id' : null,
        headers: this.#dialect === 'anthropic' ? [...this.#headers, 'anthropic-version', '2023-06-01'] : this.#headers,
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
