import type { ProviderConfig, RouteConfig } from '../config/config.ts';
import { ConfigFaults } from '../config/config-loader.ts';
import { type Clock, systemClock } from '../domain/clock.ts';
import type { OnEndpoints } from '../domain/endpoint.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type Lookup, systemLookup } from './endpoints/addresses.ts';
import type { Endpoint, EndpointSeen } from './endpoints/endpoint.ts';
import { type ModelCatalogue, ModelLists, type ModelMatch, modelMatch, type OnListFault } from './models/models.ts';
import type { Provider, Route, Upstream } from './provider.ts';
import { Providers, type ProvidersParts } from './providers/providers.ts';
import { withRoutes } from './routes/route-models.ts';
import { Routes, shownModel, type Way } from './routes/routes.ts';

export type { Lookup } from './endpoints/addresses.ts';
export type { EndpointSeen } from './endpoints/endpoint.ts';
export { type FailedCall, isBusy } from './failed-call.ts';
export type { ListedModel } from './models/listed-model.ts';
export type { ModelCatalogue } from './models/models.ts';
export type { Forwarded, Provider, Route, Spill, Target, UpstreamCall } from './provider.ts';
export { shownModel, type Way } from './routes/routes.ts';
export { type TriedUpstream, type TryUpstream, tryUpstream } from './try-upstream.ts';

export interface Upstreams {
  /**
   * The route of this name, its targets drawn; else the first provider in the order of the config that serves the dialect
   * and the model. Throws `model_not_found`.
   */
  resolve(dialect: Dialect, model: string): Route;
  /** The same before anything is drawn. */
  wayOf(dialect: Dialect, model: string): Way;
  /** Throws ConfigFaults for a target whose provider does not run here. */
  refuseUnknown(routes: readonly RouteConfig[]): void;
  /** Replaces all routes at once. A target is left out whose provider does not run here. */
  configureRoutes(routes: readonly RouteConfig[]): void;
  /** The routes in effect. */
  routes(): readonly RouteConfig[];
  /** The provider of this name. */
  provider(name: string): (Provider & Pick<Upstream, 'serves'>) | undefined;
  /** At most a minute old; an upstream that cannot be asked is left out. */
  models(dialect: Dialect): Promise<ModelCatalogue>;
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
  readonly onKeyRefused?: ProvidersParts['onKeyRefused'];
  readonly onEndpointTurn?: ProvidersParts['onEndpointTurn'];
  readonly lookup?: Lookup;
  readonly routes?: readonly RouteConfig[];
  /** From 0 to below 1; draws the targets that share a place, too. */
  readonly random?: () => number;
}

export function createUpstreams(
  configs: readonly ProviderConfig[],
  {
    clock = systemClock,
    onListFault = () => {},
    onEndpointFault = () => {},
    onKeyRefused = () => {},
    onEndpointTurn = () => {},
    lookup = systemLookup,
    routes: given = [],
    random = Math.random,
  }: UpstreamsParts = {},
): Upstreams {
  const providers = new Providers(configs, { clock, onEndpointFault, onEndpointTurn, onKeyRefused, lookup, random });
  const routes = new Routes(random);
  routes.configure(given, byNameOf(providers));
  const served = () => servedBy(providers.upstreams);
  let byDialect = served();
  let modelLists = new ModelLists(providers.upstreams, clock, onListFault);
  const firstOf = (dialect: Dialect, model: string): Upstream => {
    for (const { upstream, isServed } of byDialect[dialect]) if (isServed(model)) return upstream;
    throw errors.modelNotFound(`No provider serves the model \`${shownModel(model)}\` on this route.`);
  };

  return {
    resolve: (dialect, model) => routes.resolve(dialect, model) ?? routeTo(firstOf(dialect, model), model),
    wayOf: (dialect, model) => routes.wayOf(dialect, model) ?? wayTo(firstOf(dialect, model), model),
    refuseUnknown: next => refuseUnknown(next, byNameOf(providers)),
    configureRoutes: next => routes.configure(next, byNameOf(providers)),
    routes: () => routes.all,
    provider: name => byNameOf(providers).get(name),
    models: async dialect => withRoutes(await modelLists.read(), routes, dialect),
    configure(next) {
      providers.configure(next);
      routes.configure(routes.all, byNameOf(providers));
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

const byNameOf = ({ upstreams }: Providers): ReadonlyMap<string, Upstream> =>
  new Map(upstreams.map(upstream => [upstream.name, upstream]));

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

function refuseUnknown(routes: readonly RouteConfig[], known: ReadonlyMap<string, Upstream>): void {
  const faults = routes.flatMap(({ name, groups }) =>
    groups.flat().flatMap(({ provider }, index) => {
      const message = `target ${index + 1} names a provider that only a restart adds`;
      return known.has(provider) ? [] : [{ section: `model.${name}`, key: 'targets', message }];
    }),
  );
  if (faults.length > 0) throw new ConfigFaults(faults);
}

const wayTo = (provider: Upstream, model: string): Way => ({
  name: null,
  groups: [[{ target: { provider, model }, weight: 1 }]],
  spill: null,
});
