import { isDeepStrictEqual } from 'node:util';
import type { Config, PoolConfig, ProviderConfig, RouteConfig, WrittenTexts } from '../config/config.ts';
import { rereadTexts } from '../config/providers/written.ts';
import { FreshRows } from '../db/fresh-rows.ts';
import { wordOf } from '../db/word.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { SaidOnce } from '../domain/structures/said-once.ts';
import type { Events } from '../telemetry/events.ts';
import { type EffectiveProviders, effectiveProviders, type Faults } from './effective-providers.ts';
import type { ProviderRowsStore, StoredProviders } from './provider-rows-store.ts';
import type { Seal } from './sealing.ts';

/** What is served from now on. */
export interface Served {
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  readonly routes: readonly RouteConfig[];
}

export interface LiveProvidersParts {
  readonly store: Pick<ProviderRowsStore, 'readAll'>;
  readonly config: Pick<Config, 'written' | 'providers' | 'pools' | 'routes'>;
  readonly seal: Seal;
  /** Puts it into effect, at once and without losing a request. */
  readonly apply: (served: Served) => void;
  readonly clock: Clock;
  readonly events: Pick<
    Events,
    'providersChanged' | 'providerFaulty' | 'routeFaulty' | 'providerRowsUnread' | 'providerRowsMissing'
  >;
  /** Called when other processes must read the rows again, before that is answered. */
  readonly onWrite?: (() => void) | undefined;
}

const nothingStored: StoredProviders = { providers: [], endpoints: [], keys: [], routes: [] };

const nothingInEffect = {
  stored: new Set<string>(),
  faults: new Map(),
  routeFaults: new Map(),
  unusable: new Set<string>(),
  rows: new Map(),
  routeRows: new Map(),
};

/** Holds which providers and routes are in effect, and keeps it so: rows that were changed by whomever, the file read again. */
export class LiveProviders {
  readonly #parts: LiveProvidersParts;
  readonly #rows: FreshRows<void>;
  readonly #said = new SaidOnce();
  readonly #saidOfRoutes = new SaidOnce();
  /** Why the rows are not read; null: they are. */
  #lack: string | null = null;
  #written: WrittenTexts;
  #stored = nothingStored;
  #effective: EffectiveProviders;

  constructor(parts: LiveProvidersParts) {
    const { providers, pools, routes, written } = parts.config;
    this.#parts = parts;
    this.#written = written;
    this.#effective = { ...nothingInEffect, providers, pools, routes };
    this.#rows = new FreshRows({
      load: () => this.#load(),
      onFailure: (error, isFirst) => isFirst && parts.events.providerRowsUnread(error),
      retriedBy: 'timer',
      clock: parts.clock,
    });
  }

  /** Resolves when the rows are in effect; tries once a second until then. */
  start(): Promise<void> {
    return this.#rows.start();
  }

  async stop(): Promise<void> {
    await this.#rows.stop();
  }

  /** The rows may have changed: reads them in the background. */
  changed(): void {
    this.#rows.changed();
  }

  /** Resolves when rows that were read after this call are in effect, or at least are tried again. */
  async reload(): Promise<void> {
    this.#parts.onWrite?.();
    await this.catchUp();
  }

  /** The same for rows that another process has written. */
  async catchUp(): Promise<void> {
    await this.#rows.reload().catch(() => {});
  }

  get stored(): StoredProviders {
    return this.#stored;
  }

  get effective(): EffectiveProviders {
    return this.#effective;
  }

  /** A row takes it out of service. */
  isSwitchedOff(name: string): boolean {
    return this.#effective.rows.get(name) === null;
  }

  get written(): WrittenTexts {
    return this.#written;
  }

  /** Throws `unavailable` where nothing can be stored, because the tables or the rights are missing. */
  refuseWithoutRows(): void {
    if (this.#lack !== null) throw errors.unavailable(`Providers cannot be stored: ${this.#lack}.`, 30);
  }

  /** The effect of other rows, which nobody puts into effect. */
  tried(stored: StoredProviders, before = this.#effective): EffectiveProviders {
    return effectiveProviders(stored, { written: this.#written, seal: this.#parts.seal, before });
  }

  /**
   * The file was read again: its pools act at once, its providers after a restart. `takePools` may throw, and then nothing
   * is changed.
   */
  reconfigure({ written }: Pick<Config, 'written'>, takePools: (pools: readonly PoolConfig[]) => void): void {
    const before = this.#written;
    this.#written = rereadTexts(before, written);
    try {
      const next = this.tried(this.#stored);
      takePools(next.pools);
      this.#put(next);
    } catch (error) {
      this.#written = before;
      throw error;
    }
  }

  async #load(): Promise<void> {
    this.#stored = await this.#read();
    this.#put(this.tried(this.#stored));
  }

  /** A gateway that may not read the rows serves the providers of its file. */
  async #read(): Promise<StoredProviders> {
    try {
      const stored = await this.#parts.store.readAll();
      this.#lack = null;
      return stored;
    } catch (error) {
      const word = wordOf(error);
      const isHeld = this.#rows.isLoaded && this.#lack === null;
      if (word?.kind !== 'state' || word.about !== 'part' || isHeld) throw error;
      if (this.#lack === null) this.#parts.events.providerRowsMissing(word.reason);
      this.#lack = word.reason;
      return nothingStored;
    }
  }

  #put(next: EffectiveProviders): void {
    const before = this.#effective;
    this.#effective = next;
    const served = ({ providers, pools, routes }: Served) => ({ providers, pools, routes });
    if (!isDeepStrictEqual(served(next), served(before))) {
      this.#parts.apply(served(next));
      this.#parts.events.providersChanged(changesOf(before.providers, next.providers));
    }
    const { events } = this.#parts;
    for (const [provider, reason] of this.#said.news(sentences(next.faults)))
      events.providerFaulty({ provider, reason });
    for (const [route, reason] of this.#saidOfRoutes.news(sentences(next.routeFaults)))
      events.routeFaulty({ route, reason });
  }
}

const sentences = (faults: Faults): Map<string, string> =>
  new Map([...faults].map(([name, told]) => [name, told.join('; ')]));

function changesOf(before: readonly ProviderConfig[], after: readonly ProviderConfig[]) {
  const was = new Map(before.map(one => [one.name, one]));
  const is = new Map(after.map(one => [one.name, one]));
  return {
    added: [...is.keys()].filter(name => !was.has(name)),
    changed: [...is.keys()].filter(name => was.has(name) && !isDeepStrictEqual(was.get(name), is.get(name))),
    removed: [...was.keys()].filter(name => !is.has(name)),
  };
}
