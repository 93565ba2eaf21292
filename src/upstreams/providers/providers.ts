import { isDeepStrictEqual } from 'node:util';
import type { ProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { OnEndpoints } from '../../domain/endpoint.ts';
import type { GatewayError } from '../../domain/errors.ts';
import { SaidOnce } from '../../domain/structures/said-once.ts';
import type { Lookup } from '../endpoints/addresses.ts';
import type { OnTurn } from '../endpoints/endpoint.ts';
import type { EndpointSet } from '../endpoints/endpoint-set.ts';
import type { Upstream } from '../provider.ts';
import { HttpUpstream } from './http.ts';
import type { OnKeyRefused } from './key-turns.ts';
import { LoopbackUpstream } from './loopback.ts';

export interface ProvidersParts {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly lookup: Lookup;
  /** Called once while a fault lasts, such as a name that cannot be looked up. */
  readonly onEndpointFault: (provider: string, fault: string) => void;
  readonly onKeyRefused: OnKeyRefused;
  readonly onEndpointTurn: (provider: string, ...turn: Parameters<OnTurn>) => void;
}

interface Known {
  readonly config: ProviderConfig;
  readonly upstream: Upstream;
}

/** The configured providers. They may be replaced while requests flow: what is unchanged stays as it is. */
export class Providers {
  readonly #parts: ProvidersParts;
  readonly #faults = new SaidOnce();
  #known: readonly Known[] = [];
  /** Removed ones whose calls still run. */
  #leaving: readonly HttpUpstream[] = [];
  readonly #listeners: OnEndpoints[] = [];
  #checks = true;

  constructor(configs: readonly ProviderConfig[], parts: ProvidersParts) {
    this.#parts = parts;
    this.configure(configs);
  }

  /** In the order of the configuration. */
  get upstreams(): readonly Upstream[] {
    return this.#known.map(({ upstream }) => upstream);
  }

  configure(configs: readonly ProviderConfig[]): void {
    const before = new Map(this.#known.map(known => [known.config.name, known]));
    this.#known = configs.map(config => this.#take(config, before.get(config.name)));
    const now = new Map(this.#known.map(known => [known.config.name, known]));
    for (const [name, { config, upstream }] of before) {
      const next = now.get(name);
      if (next?.config.pool !== config.pool) this.#tell(name, config.pool, []);
      if (isTakenOver(upstream, next?.upstream)) continue;
      if (upstream instanceof HttpUpstream) this.#leave(upstream);
    }
    for (const { config } of this.#known)
      if (!isDeepStrictEqual(config, before.get(config.name)?.config)) this.#changed(config.name);
  }

  /** Calls the listener for each provider that has endpoints. */
  watch(listener: OnEndpoints): void {
    this.#listeners.push(listener);
    for (const { upstream } of this.#known)
      if (upstream instanceof HttpUpstream) listener(upstream.name, upstream.pool, upstream.endpoints.seats());
  }

  /** Undefined: there is no such provider. Null: it has no endpoints, as it lives in the gateway. */
  endpointsOf(name: string): EndpointSet | null | undefined {
    const upstream = this.#known.find(({ config }) => config.name === name)?.upstream;
    if (upstream === undefined) return undefined;
    return upstream instanceof HttpUpstream ? upstream.endpoints : null;
  }

  stopChecks(): void {
    this.#checks = false;
    for (const { upstream } of this.#known) if (upstream instanceof HttpUpstream) upstream.endpoints.stopChecks();
  }

  abortAll(error: GatewayError): void {
    for (const upstream of [...this.upstreams, ...this.#leaving]) upstream.abortAll(error);
  }

  async close(): Promise<void> {
    await Promise.all([...this.upstreams, ...this.#leaving].map(upstream => upstream.close()));
  }

  #take(config: ProviderConfig, before: Known | undefined): Known {
    if (before !== undefined && isDeepStrictEqual(config, before.config)) return before;
    if (config.type === 'loopback') return { config, upstream: new LoopbackUpstream(config, this.#parts.clock) };
    const { name } = config;
    const taken = before?.upstream instanceof HttpUpstream ? before.upstream : null;
    const parts = {
      ...this.#parts,
      onChange: () => this.#changed(name),
      onTurn: (...turn: Parameters<OnTurn>) => this.#parts.onEndpointTurn(name, ...turn),
      onFault: (fault: string | null) => this.#fault(name, fault),
    };
    const upstream = new HttpUpstream(config, parts, taken);
    if (!this.#checks) upstream.endpoints.stopChecks();
    return { config, upstream };
  }

  #leave(upstream: HttpUpstream): void {
    this.#faults.isOver(upstream.name);
    upstream.retire();
    this.#leaving = [...this.#leaving, upstream].filter(({ isBusy }) => isBusy);
  }

  #changed(name: string): void {
    const upstream = this.#known.find(({ config }) => config.name === name)?.upstream;
    if (upstream instanceof HttpUpstream) this.#tell(name, upstream.pool, upstream.endpoints.seats());
  }

  #tell(...told: Parameters<OnEndpoints>): void {
    for (const listener of this.#listeners) listener(...told);
  }

  #fault(name: string, fault: string | null): void {
    if (fault === null) this.#faults.isOver(name);
    else if (this.#faults.isNews(name, fault)) this.#parts.onEndpointFault(name, fault);
  }
}

/** Whether the endpoints of the one are those of the other now. */
const isTakenOver = (before: Upstream, next: Upstream | undefined): boolean =>
  before === next ||
  (before instanceof HttpUpstream && next instanceof HttpUpstream && before.endpoints === next.endpoints);
