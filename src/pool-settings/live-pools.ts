import { isDeepStrictEqual } from 'node:util';
import type { PoolConfig, PoolSettings, TenantConfig } from '../config/config.ts';
import { ConfigFaults } from '../config/file/faults.ts';
import { FreshRows } from '../db/fresh-rows.ts';
import type { PoolScheduleRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import { SaidOnce } from '../domain/structures/said-once.ts';
import { wakeAt } from '../schedules/schedules.ts';
import type { Events } from '../telemetry/events.ts';
import {
  allPoolKeys,
  combine,
  type EffectivePool,
  effectivePool,
  overlaid,
  type StoredValue,
  sentenceOf,
  unfitFaults,
} from './effective-pool.ts';
import { applied, changesOf, type PoolChange, type PoolPatch } from './pool-patch.ts';
import {
  compilePoolSchedules,
  heldAt,
  noSchedules,
  type PoolSchedules,
  scheduledPool,
  unfitUnder,
} from './pool-schedules.ts';
import type { PoolSettingsStore } from './pool-settings-store.ts';
import { type SharedPool, type ShownPool, sharedPool, shownPool, shownValue } from './shown-pool.ts';

export type Tenants = ReadonlyMap<string, TenantConfig>;

/** Puts settings into effect in one pool, at once and without losing waiting requests. */
export type Configure = (pool: string, settings: PoolSettings, tenants: Tenants) => void;

export interface LivePoolsParts {
  readonly store: Pick<PoolSettingsStore, keyof PoolSettingsStore>;
  /** As configured at the start. */
  readonly pools: readonly PoolConfig[];
  readonly tenants: readonly TenantConfig[];
  readonly configure: Configure;
  readonly clock: Clock;
  readonly events: Pick<Events, 'poolChanged' | 'poolRowsFaulty' | 'poolRowsUnread'>;
  /** Called when other processes must read the rows again, before that is answered. */
  readonly onWrite?: (() => void) | undefined;
}

interface StoredPools {
  readonly rows: ReadonlyMap<string, readonly StoredValue[]>;
  readonly schedules: ReadonlyMap<string, readonly PoolScheduleRow[]>;
}

/** The state of one pool. */
interface Pool {
  readonly configured: PoolConfig;
  readonly rows: readonly StoredValue[];
  readonly schedules: PoolSchedules;
  /** The settings without schedules. */
  readonly base: EffectivePool;
  readonly effective: EffectivePool;
  /** The time at which it may change (ms since 1970). */
  readonly until: number;
}

/**
 * Holds what is in effect of every pool and keeps it so: rows that were changed by whomever, a change
 * by the admin API, the file read again. The dispatchers hear of it only where it makes a difference.
 */
export class LivePools {
  readonly #parts: LivePoolsParts;
  readonly #rows: FreshRows<void>;
  readonly #pools: Map<string, Pool>;
  /** As read last, of all pools. */
  #stored: StoredPools = { rows: new Map(), schedules: new Map() };
  #tenants: Tenants;
  #cancelTurn = () => {};
  /** Faulty rows, by pool. */
  readonly #said = new SaidOnce();

  constructor(parts: LivePoolsParts) {
    this.#parts = parts;
    this.#tenants = byId(parts.tenants);
    this.#pools = new Map(parts.pools.map(pool => [pool.name, asConfigured(pool)]));
    this.#rows = new FreshRows({
      load: () => this.#load(),
      onFailure: (error, isFirst) => isFirst && parts.events.poolRowsUnread(error),
      retriedBy: 'timer',
      clock: parts.clock,
    });
  }

  /** Resolves when the rows are in effect; tries once a second until then. */
  start(): Promise<void> {
    return this.#rows.start();
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    await this.#rows.stop();
    // The last load may have set it.
    this.#cancelTurn();
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

  /** Throws `conflict` where these rows together are no settings that the pool can have. */
  checkRows(name: string, rows: readonly StoredValue[]): void {
    const pool = this.#pools.get(name);
    if (pool === undefined) return;
    const { unfit } = combine(pool.configured, rows, pool.base.values);
    if (unfit.length > 0) throw errors.conflict(`${unfit.map(sentenceOf).join('; ')}.`, unfit[0]?.keys[0]);
  }

  list(): ShownPool[] {
    return [...this.#pools.values()].map(({ effective }) => shownPool(effective));
  }

  /** Returns how each pool is shared now. */
  sharing(): SharedPool[] {
    return [...this.#pools.values()].map(({ effective }) => sharedPool(effective, this.#tenants));
  }

  /** A pool's schedules, and what would be in effect without them. */
  known(name: string): Pick<Pool, 'configured' | 'base' | 'schedules'> {
    return this.#find(name);
  }

  find(name: string): ShownPool {
    return shownPool(this.#find(name).effective);
  }

  /** Resolves when the change is in effect here. */
  async put(name: string, patch: PoolPatch, actor?: string): Promise<ShownPool> {
    const { configured, base, schedules } = this.#find(name);
    const changes = changesOf(patch);
    let after: readonly StoredValue[] = [];
    const check = (rows: readonly StoredValue[]) => {
      after = applied(rows, changes);
      const { values, unfit } = combine(configured, after, base.values);
      refuseUnfit(unfit, changes);
      for (const { what } of [...schedules.byKey.values()].flat())
        refuseUnfit(unfitUnder(configured, values, [what]), changes);
    };
    const now = this.#parts.clock.date().toISOString();
    await this.#parts.store.write(name, changes, { actor, now, check });
    this.#parts.onWrite?.();
    // Committed values are in effect even if the database fails before they are read back.
    await this.#rows.reload().catch(() => this.#install(name, after, schedules));
    return this.find(name);
  }

  /**
   * The file was read again; pools that are not there yet wait for a restart. Throws ConfigFaults where
   * it does not fit together with what is stored, and then nothing is changed.
   */
  reconfigure({ pools, tenants }: Pick<LivePoolsParts, 'pools' | 'tenants'>): void {
    const known = pools.filter(({ name }) => this.#pools.has(name));
    const faults = known.flatMap(pool => unfitFaults(pool, this.#find(pool.name).base));
    if (faults.length > 0) throw new ConfigFaults(faults);
    const hasNewTenants = !isDeepStrictEqual(this.#tenants, byId(tenants));
    this.#tenants = byId(tenants);
    for (const configured of known) this.#reconfigure(this.#find(configured.name), configured, hasNewTenants);
    this.#awaitTurn();
  }

  /** Providers have other pools from now on: opens new ones with what is stored of them, and drops those that are gone. */
  setPools(pools: readonly PoolConfig[]): void {
    const names = new Set(pools.map(({ name }) => name));
    for (const name of this.#pools.keys()) if (!names.has(name)) this.#pools.delete(name);
    for (const configured of pools) {
      const known = this.#pools.get(configured.name);
      if (known === undefined) this.#open(configured);
      else if (!isDeepStrictEqual(known.configured, configured)) this.#reconfigure(known, configured, false);
    }
    this.#awaitTurn();
  }

  #open(configured: PoolConfig): void {
    const { name } = configured;
    this.#pools.set(name, asConfigured(configured));
    const schedules = this.#compiled(name, this.#stored.schedules.get(name) ?? []);
    const rows = this.#stored.rows.get(name) ?? [];
    this.#set({ configured, rows, schedules, base: effectivePool(configured, rows, null) }, false);
  }

  #reconfigure({ rows, base, schedules }: Pool, configured: PoolConfig, hasNewTenants: boolean): void {
    const kept = overlaid(configured, base);
    this.#set({ configured, rows, schedules, base: effectivePool(configured, rows, kept) }, hasNewTenants);
  }

  #find(name: string): Pool {
    const pool = this.#pools.get(name);
    if (pool === undefined) throw errors.notFound(`There is no pool ${name.slice(0, 64)}.`);
    return pool;
  }

  async #load(): Promise<void> {
    const rows = await this.#parts.store.readAll();
    const schedules = await this.#parts.store.readSchedules();
    this.#stored = { rows, schedules };
    for (const name of this.#pools.keys())
      this.#install(name, rows.get(name) ?? [], this.#compiled(name, schedules.get(name) ?? []));
    this.#tellUnknown(new Map<string, unknown>([...rows, ...schedules]));
    this.#awaitTurn();
  }

  #compiled(name: string, rows: readonly PoolScheduleRow[]): PoolSchedules {
    const before = this.#find(name).schedules;
    return isDeepStrictEqual(before.rows, rows) ? before : compilePoolSchedules(rows, this.#now());
  }

  #install(name: string, rows: readonly StoredValue[], schedules: PoolSchedules): void {
    const { configured, base } = this.#find(name);
    const next = effectivePool(configured, rows, this.#rows.isLoaded ? base : null);
    this.#set({ configured, rows, schedules, base: next }, false);
  }

  /** Takes effect when a window opens or closes, without the database. */
  #awaitTurn(): void {
    this.#cancelTurn();
    if (this.#rows.isStopped) return;
    const until = Math.min(...[...this.#pools.values()].map(pool => pool.until));
    this.#cancelTurn = wakeAt(this.#parts.clock, until, () => {
      for (const pool of this.#pools.values()) this.#set(pool, false);
      this.#awaitTurn();
    });
  }

  #now(): number {
    return this.#parts.clock.date().getTime();
  }

  #set(known: Omit<Pool, 'effective' | 'until'>, hasNewTenants: boolean): void {
    const held = heldAt(known.schedules, this.#now());
    const pool = { ...known, effective: scheduledPool(known, held.values), until: held.until };
    const { name, settings, values, scheduled, fault } = pool.effective;
    const before = this.#find(name).effective;
    this.#pools.set(name, pool);
    this.#tell(name, fault);
    const isSame = isDeepStrictEqual(settings, before.settings);
    if (!isSame || hasNewTenants) this.#parts.configure(name, settings, this.#tenants);
    if (isSame) return;
    const changed = allPoolKeys
      .filter(key => !isDeepStrictEqual(values[key].value, before.values[key].value))
      .map(
        key => `${key}=${shownValue(key, values) ?? 'none'} (${scheduled?.has(key) ? 'schedule' : values[key].source})`,
      );
    if (settings.seats !== before.settings.seats) changed.push(`seats=${settings.seats}`);
    this.#parts.events.poolChanged({ pool: name, values: changed.join(' ') });
  }

  /** Another gateway of the same database may well have them. */
  #tellUnknown(rows: ReadonlyMap<string, unknown>): void {
    for (const name of new Set([...rows.keys(), ...this.#said.subjects()]))
      if (!this.#pools.has(name)) this.#tell(name, rows.has(name) ? 'there is no such pool here' : null);
  }

  #tell(pool: string, fault: string | null): void {
    if (fault === null) this.#said.isOver(pool);
    else if (this.#said.isNews(pool, fault)) this.#parts.events.poolRowsFaulty({ pool, reason: fault });
  }
}

const asConfigured = (configured: PoolConfig): Pool => ({
  configured,
  rows: [],
  schedules: noSchedules,
  base: { ...configured, fault: null },
  effective: { ...configured, fault: null },
  until: Number.POSITIVE_INFINITY,
});

const byId = (tenants: readonly TenantConfig[]): Tenants => new Map(tenants.map(tenant => [tenant.tenantId, tenant]));

const refuseUnfit = (unfit: ReturnType<typeof combine>['unfit'], changes: readonly PoolChange[]): void => {
  const first = unfit[0];
  if (first === undefined) return;
  const param = first.keys.find(key => changes.some(change => change.key === key)) ?? first.keys[0];
  throw errors.invalidRequest(`${unfit.map(sentenceOf).join('; ')}.`, param);
};
