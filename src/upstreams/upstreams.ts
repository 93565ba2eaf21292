import type { ProviderConfig } from '../config/config.ts';
import { type Clock, systemClock } from '../domain/clock.ts';
import type { OnEndpoints } from '../domain/endpoint.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type Lookup, systemLookup } from './endpoints/addresses.ts';
import type { Endpoint, EndpointSeen } from './endpoints/endpoint.ts';
import { type ModelCatalogue, ModelLists, type ModelMatch, modelMatch, type OnListFault } from './models/models.ts';
import type { Route, Upstream } from './provider.ts';
import { Providers, type ProvidersParts } from './providers/providers.ts';

export type { Lookup } from './endpoints/addresses.ts';
export type { EndpointSeen } from './endpoints/endpoint.ts';
export type { ListedModel } from './models/listed-model.ts';
export type { ModelCatalogue } from './models/models.ts';
export type { Forwarded, Provider, Route, Target, UpstreamCall } from './provider.ts';

export interface Upstreams {
  /** The first provider in the order of the config that serves the dialect and the model; throws `model_not_found`. */
  resolve(dialect: Dialect, model: string): Route;
  /** At most a minute old; an upstream that cannot be asked is left out. */
  models(): Promise<ModelCatalogue>;
  /**
   * Replaces the providers while requests flow. What is unchanged keeps its connections and its state; calls of what is
   * removed go on to their ends.
   */
  configure(providers: readonly ProviderConfig[]): void;
  /** Calls the listener at once for each provider that has endpoints, and whenever one of them has changed. */
  watchEndpoints(listener: OnEndpoints): void;
  /** The providers, in the order of the configuration. */
  names(): readonly string[];
  /** Of a provider; empty where it has none, or where there is no such provider. */
  endpoints(provider: string): readonly EndpointSeen[];
  /** The endpoint gets no requests until `resume`; those that run go on. Both throw `not_found`. */
  drain(provider: string, endpoint: string): void;
  resume(provider: string, endpoint: string): void;
  /** No health path is asked any more. */
  stopChecks(): void;
  /** Ends every running call: a stream with an error event, a call that has not begun by rejecting with the error. */
  abortAll(error: GatewayError): void;
  /** Closes all connections. */
  close(): Promise<void>;
}

const maxNameShown = 100;

export interface UpstreamsParts {
  readonly clock?: Clock;
  readonly onListFault?: OnListFault;
  readonly onEndpointFault?: ProvidersParts['onEndpointFault'];
  readonly onEndpointTurn?: ProvidersParts['onEndpointTurn'];
  readonly lookup?: Lookup;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export function createUpstreams(
  configs: readonly ProviderConfig[],
  {
    clock = systemClock,
    onListFault = () => {},
    onEndpointFault = () => {},
    onEndpointTurn = () => {},
    lookup = systemLookup,
    random = Math.random,
  }: UpstreamsParts = {},
): Upstreams {
  const providers = new Providers(configs, { clock, onEndpointFault, onEndpointTurn, lookup, random });
  const served = () => servedBy(providers.upstreams);
  let byDialect = served();
  let modelLists = new ModelLists(providers.upstreams, clock, onListFault);

  return {
    resolve(dialect, model) {
      for (const { upstream, isServed } of byDialect[dialect]) if (isServed(model)) return routeTo(upstream, model);
      throw errors.modelNotFound(`No provider serves the model \`${shownModel(model)}\` on this route.`);
    },
    models: () => modelLists.read(),
    configure(next) {
      providers.configure(next);
      byDialect = served();
      modelLists = new ModelLists(providers.upstreams, clock, onListFault);
    },
    watchEndpoints: listener => providers.watch(listener),
    names: () => providers.upstreams.map(({ name }) => name),
    endpoints: provider => providers.endpointsOf(provider)?.seen() ?? [],
    drain: (provider, id) => endpointNamed(providers, provider, id).health.drain(),
    resume: (provider, id) => endpointNamed(providers, provider, id).health.resume(),
    stopChecks: () => providers.stopChecks(),
    abortAll: error => providers.abortAll(error),
    close: () => providers.close(),
  };
}

type Served = Record<Dialect, { readonly upstream: Upstream; readonly isServed: ModelMatch }[]>;

function servedBy(upstreams: readonly Upstream[]): Served {
  const entries = upstreams.map(upstream => ({ upstream, isServed: modelMatch(upstream.models) }));
  const of = (dialect: Dialect) => entries.filter(({ upstream }) => upstream.serves(dialect));
  return { openai: of('openai'), anthropic: of('anthropic') };
}

function endpointNamed(providers: Providers, provider: string, id: string): Endpoint {
  const set = providers.endpointsOf(provider);
  const name = provider.slice(0, maxNameShown);
  if (set === undefined) throw errors.notFound(`There is no provider ${name}.`);
  if (set === null) throw errors.notFound(`The provider ${name} has no endpoints: it lives in the gateway.`);
  const endpoint = set.named(id);
  if (endpoint !== undefined) return endpoint;
  const ids = set.endpoints.map(({ id }) => id).join(', ');
  throw errors.notFound(`The provider ${name} has no endpoint ${id.slice(0, maxNameShown)}; it has ${ids || 'none'}.`);
}

const routeTo = (provider: Upstream, model: string): Route => ({
  name: null,
  targets: [{ provider, model }],
  spill: null,
});

/** Returns a model's name as it is shown in a sentence. */
export const shownModel = (model: string): string =>
  model.length > maxNameShown ? `${model.slice(0, maxNameShown)}…` : model;
