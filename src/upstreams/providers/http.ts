import type { ForwardPriority, HttpProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { errors, type GatewayError } from '../../domain/errors.ts';
import type { Sink } from '../../domain/sink.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { Affinity, Dialect } from '../../domain/vocabulary.ts';
import type { Answer } from '../answer/answer.ts';
import { bodyForUpstream } from '../body-splice.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { EndpointSet, type EndpointSetParts } from '../endpoints/endpoint-set.ts';
import type { ProbeRequest } from '../endpoints/probe.ts';
import type { Way } from '../endpoints/way.ts';
import { HeaderFilter } from '../headers.ts';
import type { ListedModel } from '../models/listed-model.ts';
import { fetchModels } from '../models/model-list.ts';
import { clientGone, type Forwarded, type PutBack, type Upstream, type UpstreamCall } from '../provider.ts';
import { type ProxyContext, proxy } from '../proxy.ts';
import { KeyTurns, type OnKeyRefused, type Turn } from './key-turns.ts';

export interface HttpUpstreamParts extends EndpointSetParts {
  readonly onKeyRefused: OnKeyRefused;
}

type Send = (call: UpstreamCall) => Promise<Forwarded | PutBack>;

interface CallContext {
  readonly context: ProxyContext;
  /** In the order of the keys. */
  readonly headersByKey: readonly (readonly string[])[];
}

/** An upstream behind HTTP that speaks the dialect it is called in. */
export class HttpUpstream implements Upstream {
  readonly name: string;
  readonly pool: string;
  readonly passthrough: boolean;
  readonly models: readonly string[];
  readonly endpoints: EndpointSet;
  readonly #config: HttpProviderConfig;
  readonly #dialect: Dialect;
  readonly #keys: KeyTurns;
  /** Sent with every call, beside a key. */
  readonly #headers: readonly string[];
  /** Sent with the question for models, beside those. */
  readonly #listHeaders: readonly string[];
  readonly #filter: HeaderFilter;
  readonly #forwardPriority: ForwardPriority | null;
  readonly #clock: Clock;
  readonly #running: Ring<Answer>;
  /** What the calls to each endpoint share. */
  readonly #contexts = new WeakMap<Endpoint, CallContext>();
  /** The one of this name that has taken over. */
  #successor: HttpUpstream | null = null;
  #isRetired = false;

  /** `before`: the one of this name until now, whose endpoints and running calls it takes over. */
  constructor(config: HttpProviderConfig, parts: HttpUpstreamParts, before: HttpUpstream | null = null) {
    this.name = config.name;
    this.pool = config.pool;
    this.passthrough = config.passthrough;
    this.models = config.models;
    this.#config = config;
    this.#dialect = config.type;
    this.#keys = new KeyTurns(config, parts.clock, parts.onKeyRefused);
    this.#headers = ['accept-encoding', 'identity', ...config.headers.flat()];
    const names = config.headers.map(([name]) => name);
    const isVersionNeeded = config.type === 'anthropic' && !names.includes('anthropic-version');
    this.#listHeaders = isVersionNeeded ? ['anthropic-version', '2023-06-01'] : [];
    this.#filter = new HeaderFilter(config.passHeaders, names);
    this.#forwardPriority = config.forwardPriority;
    this.#clock = parts.clock;
    this.#running = before === null ? new Ring() : before.#running;
    const probeRequest = (way: Way) => this.#probeRequest(way);
    if (before === null) this.endpoints = new EndpointSet(config, probeRequest, parts);
    else this.endpoints = before.endpoints;
    if (before === null) return;
    this.endpoints.configure(config, probeRequest);
    before.#successor = this;
  }

  get affinity(): Affinity {
    return this.endpoints.endpoints.length > 1 ? this.#config.affinity : 'none';
  }

  get retriesUnsafe(): boolean {
    return this.#config.retryUnsafe ?? this.endpoints.endpoints.length > 1;
  }

  hasOther(avoid: readonly string[]): boolean {
    if (this.#successor !== null) return this.#successor.hasOther(avoid);
    return this.#config.fault === undefined && this.endpoints.hasOther(avoid);
  }

  downUntil(now: number): number | null {
    return this.endpoints.downUntil(now);
  }

  restsUntil(now: number): number | null {
    return this.endpoints.restsUntil(now);
  }

  serves(dialect: Dialect): boolean {
    return dialect === this.#dialect;
  }

  forward(call: UpstreamCall, sink: Sink): Promise<Forwarded | PutBack> {
    // A request that has waited goes out as is configured now: a key must not follow the endpoints to another origin.
    if (this.#successor !== null) return this.#successor.forward(call, sink);
    if (sink.isClosed) return Promise.resolve(clientGone);
    if (this.#config.fault !== undefined) return notSent(call, unusable(this.#config));
    if (this.#isRetired) return notSent(call, outOfService(this.name));
    const endpoint = this.endpoints.find(call.endpoint);
    if (endpoint === undefined) return notSent(call, noEndpoint());
    const { context, headersByKey } = this.#contextOf(endpoint);
    const key = this.#keys.take(endpoint.id, call.upstreamModel);
    const headers = this.#filter.upstream(call.headers, headersByKey[key.index] ?? [], call.requestId);
    const body = bodyForUpstream(this.#forwardPriority, call);
    const send = (asked: UpstreamCall) =>
      proxy(this.#keys.heeding(asked, endpoint.id, key), headers, sink, context, body);
    return this.#keys.mayJudge ? this.#judging(key, call, sink, send) : send(call);
  }

  /** Sets a key aside that the upstream refuses, and makes the call again with the next one. */
  async #judging(key: Turn, call: UpstreamCall, sink: Sink, send: Send): Promise<Forwarded | PutBack> {
    let isRefused = false;
    const onKeyRefused = () => {
      isRefused = this.#keys.hasOther(key) && call.mayUseOtherKey?.() === true;
      return isRefused;
    };
    const end = await send({ ...call, onKeyRefused });
    this.#keys.judge(key, isRefused ? 401 : statusIn(end));
    return isRefused && end.outcome === 'put_back' ? this.forward(call, sink) : end;
  }

  async listModels(): Promise<readonly ListedModel[]> {
    if (this.#config.fault !== undefined) throw unusable(this.#config);
    const endpoint = this.endpoints.find(null);
    if (endpoint === undefined) throw new Error('none of its addresses is known');
    const { connections, way } = endpoint;
    const connection = connections.take();
    try {
      return await fetchModels({
        client: connection.client,
        path: way.basePath + listPath[this.#dialect],
        cursor: this.#dialect === 'anthropic' ? 'after_id' : null,
        headers: [...this.#keys.take(endpoint.id, '').headers, ...this.#headers, ...this.#listHeaders, ...way.headers],
        ownedBy: this.name,
        clock: this.#clock,
      });
    } finally {
      connections.give(connection);
    }
  }

  abortAll(error: GatewayError): void {
    for (const answer of [...this.#running]) answer.abort(error);
  }

  /** Whether calls of it run, of one before it too. */
  get isBusy(): boolean {
    return this.#running.first !== null;
  }

  retire(): void {
    this.#isRetired = true;
    this.endpoints.retire();
  }

  close(): Promise<void> {
    return this.endpoints.close();
  }

  #contextOf(endpoint: Endpoint) {
    const known = this.#contexts.get(endpoint);
    if (known !== undefined) return known;
    const { connections, way } = endpoint;
    const { idleTimeoutMs: stallMs, totalTimeoutMs } = this.#config;
    const { basePath, proxy } = way;
    const shared = { clock: this.#clock, stallMs, totalTimeoutMs, running: this.#running };
    const context = { ...shared, connections, watch: endpoint, basePath, proxy };
    const headersByKey = this.#keys.all.map(key => [...key.headers, ...this.#headers, ...way.headers]);
    const made = { context, headersByKey };
    this.#contexts.set(endpoint, made);
    return made;
  }

  #probeRequest({ root, basePath, headers }: Way): ProbeRequest {
    const { healthPath } = this.#config;
    const path = healthPath === null ? basePath + listPath[this.#dialect] : root + healthPath;
    const [key] = this.#keys.all;
    const own = [...key.headers, ...this.#headers, ...this.#listHeaders];
    return { path, headers: [...own, ...headers], isHealthPath: healthPath !== null };
  }
}

const listPath = { openai: '/models', anthropic: '/v1/models?limit=1000' } satisfies Record<Dialect, string>;

const statusIn = (end: Forwarded | PutBack): number | null => (end.outcome === 'put_back' ? null : end.status);

/** Another target may take what this provider cannot even begin. */
function notSent(call: UpstreamCall, error: GatewayError): Promise<PutBack> {
  const isPutBack = call.onFailing({ kind: 'connect', status: null, retryAfterMs: null });
  return isPutBack ? Promise.resolve({ outcome: 'put_back' }) : Promise.reject(error);
}

function noEndpoint(): GatewayError {
  const fault = errors.upstreamFailed('The upstream could not be reached.');
  fault.cause = new Error('none of its addresses is known');
  return fault;
}

/** It waited for a provider that was removed meanwhile; another try may find another provider. */
const outOfService = (name: string): GatewayError =>
  errors.unavailable(`The provider ${name} was taken out of service.`, 1);

const unusable = ({ name, fault }: HttpProviderConfig): GatewayError =>
  errors.unavailable(`The provider ${name} cannot be used: ${fault}.`, 30);
