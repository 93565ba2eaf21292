import type { ProviderConfig, RouteConfig } from '../config/config.ts';
import { ConfigFaults } from '../config/config-loader.ts';
import { type Clock, systemClock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type ModelCatalogue, ModelLists, type ModelMatch, modelMatch, type OnListFault } from './models/models.ts';
import type { Route, Upstream } from './provider.ts';
import { HttpUpstream } from './providers/http.ts';
import { LoopbackUpstream } from './providers/loopback.ts';
import { withRoutes } from './routes/route-models.ts';
import { Routes, shownModel, type Way } from './routes/routes.ts';

export type { ListedModel } from './models/listed-model.ts';
export type { ModelCatalogue } from './models/models.ts';
export type { Forwarded, Provider, Route, Target, UpstreamCall } from './provider.ts';
export { shownModel, type Way } from './routes/routes.ts';

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
  /** Whether a provider of this name serves the dialect; the pool that it takes its seats from. */
  provider(name: string): Pick<Upstream, 'pool' | 'serves'> | undefined;
  /** At most a minute old; an upstream that cannot be asked is left out. */
  models(dialect: Dialect): Promise<ModelCatalogue>;
  /** Ends every running call: a stream with an error event, a call that has not begun by rejecting with the error. */
  abortAll(error: GatewayError): void;
  /** Closes all connections. */
  close(): Promise<void>;
}

interface UpstreamsOptions {
  readonly clock?: Clock;
  readonly onListFault?: OnListFault;
  readonly routes?: readonly RouteConfig[];
  /** Draws the targets that share a place. */
  readonly random?: () => number;
}

export function createUpstreams(
  providers: readonly ProviderConfig[],
  { clock = systemClock, onListFault = () => {}, routes: given = [], random = Math.random }: UpstreamsOptions = {},
): Upstreams {
  const upstreams = providers.map(config => createUpstream(config, clock));
  const entries = upstreams.map(upstream => ({ upstream, isServed: modelMatch(upstream.models) }));
  const byDialect = {
    openai: entries.filter(({ upstream }) => upstream.serves('openai')),
    anthropic: entries.filter(({ upstream }) => upstream.serves('anthropic')),
  } satisfies Record<Dialect, { upstream: Upstream; isServed: ModelMatch }[]>;
  const byName = new Map(upstreams.map(upstream => [upstream.name, upstream]));
  const modelLists = new ModelLists(upstreams, clock, onListFault);
  const routes = new Routes(random);
  routes.configure(given, byName);
  const firstOf = (dialect: Dialect, model: string): Upstream => {
    for (const { upstream, isServed } of byDialect[dialect]) if (isServed(model)) return upstream;
    throw errors.modelNotFound(`No provider serves the model \`${shownModel(model)}\` on this route.`);
  };

  return {
    resolve: (dialect, model) => routes.resolve(dialect, model) ?? routeTo(firstOf(dialect, model), model),
    wayOf: (dialect, model) => routes.wayOf(dialect, model) ?? wayTo(firstOf(dialect, model), model),
    refuseUnknown: next => refuseUnknown(next, byName),
    configureRoutes: next => routes.configure(next, byName),
    routes: () => routes.all,
    provider: name => byName.get(name),
    models: async dialect => withRoutes(await modelLists.read(), routes, dialect),
    abortAll(error) {
      for (const upstream of upstreams) upstream.abortAll(error);
    },
    async close() {
      await Promise.all(upstreams.map(upstream => upstream.close()));
    },
  };
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

function createUpstream(config: ProviderConfig, clock: Clock): Upstream {
  switch (config.type) {
    case 'openai':
    case 'anthropic':
      return new HttpUpstream(config, clock);
    case 'loopback':
      return new LoopbackUpstream(config, clock);
    default:
      return config satisfies never;
  }
}
