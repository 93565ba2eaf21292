import type { ProviderConfig } from '../config/config.ts';
import { type Clock, systemClock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Dialect } from '../domain/vocabulary.ts';
import { type ModelCatalogue, ModelLists, type ModelMatch, modelMatch, type OnListFault } from './models/models.ts';
import type { Provider, Route, Upstream } from './provider.ts';
import { HttpUpstream } from './providers/http.ts';
import { LoopbackUpstream } from './providers/loopback.ts';

export type { ListedModel } from './models/listed-model.ts';
export type { ModelCatalogue } from './models/models.ts';
export type { Forwarded, Provider, Route, Target, UpstreamCall } from './provider.ts';

export interface Upstreams {
  /** The first provider in the order of the config that serves the dialect and the model; throws `model_not_found`. */
  resolve(dialect: Dialect, model: string): Route;
  /** The provider of this name; null without one. */
  find(name: string): Provider | null;
  /** At most a minute old; an upstream that cannot be asked is left out. */
  models(): Promise<ModelCatalogue>;
  /** Ends every running call: a stream with an error event, a call that has not begun by rejecting with the error. */
  abortAll(error: GatewayError): void;
  /** Closes all connections. */
  close(): Promise<void>;
}

const maxNameShown = 100;

export function createUpstreams(
  providers: readonly ProviderConfig[],
  { clock = systemClock, onListFault = () => {} }: { clock?: Clock; onListFault?: OnListFault } = {},
): Upstreams {
  const upstreams = providers.map(config => createUpstream(config, clock));
  const entries = upstreams.map(upstream => ({ upstream, isServed: modelMatch(upstream.models) }));
  const byDialect = {
    openai: entries.filter(({ upstream }) => upstream.serves('openai')),
    anthropic: entries.filter(({ upstream }) => upstream.serves('anthropic')),
  } satisfies Record<Dialect, { upstream: Upstream; isServed: ModelMatch }[]>;
  const modelLists = new ModelLists(upstreams, clock, onListFault);

  return {
    resolve(dialect, model) {
      for (const { upstream, isServed } of byDialect[dialect]) if (isServed(model)) return routeTo(upstream, model);
      throw errors.modelNotFound(`No provider serves the model \`${shownModel(model)}\` on this route.`);
    },
    find: name => upstreams.find(upstream => upstream.name === name) ?? null,
    models: () => modelLists.read(),
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

/** Returns a model's name as it is shown in a sentence. */
export const shownModel = (model: string): string =>
  model.length > maxNameShown ? `${model.slice(0, maxNameShown)}…` : model;
