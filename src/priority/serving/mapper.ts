import type { PrioritySettings } from '../../config/config.ts';
import { FreshRows } from '../../db/fresh-rows.ts';
import type { Clock } from '../../domain/clock.ts';
import type { ShownMapping } from '../../domain/mapping.ts';
import type { WriteBy } from '../../domain/stale.ts';
import type { Classify } from '../../domain/vocabulary.ts';
import { wakeAt } from '../../schedules/schedules.ts';
import type { Events } from '../../telemetry/events.ts';
import { type ExternalMayRaise, externalMayRaise } from '../analysis/external-may-raise.ts';
import { defaultClassify } from '../matching/classifier.ts';
import { compile, compileRow, type Mapping } from '../matching/matcher.ts';
import { warmUpRegexEngine } from '../matching/pattern.ts';
import { weightIn } from '../matching/regex-room.ts';
import { classifyBySettings } from '../matching/shadow.ts';
import type { MappingPatch, NewMapping } from '../rows/mapping-rules.ts';
import type { MappingStore, StoredMapping } from '../rows/mapping-store.ts';
import { isStorable, MappingWrites, noMapping } from '../rows/mapping-writes.ts';
import { changesOf, effectiveSettings, type SettingsPatch } from '../rows/settings.ts';
import { type MapperStatus, type Reloaded, reloadedOf, statusOf } from './mapper-status.ts';
import { type Loaded, loadSnapshot } from './snapshot-loader.ts';
import { TenantNames } from './tenant-names.ts';
import { shownTiming } from './timing-shown.ts';
import { ToldFaults } from './told-faults.ts';

type MapperEvents = Pick<
  Events,
  | 'keyMapped'
  | 'keyShadowed'
  | 'mappingsReloaded'
  | 'mappingsReloadFailed'
  | 'mappingAdded'
  | 'mappingFaulty'
  | 'moreMappingsFaulty'
  | 'settingFaulty'
  | 'timingFaulty'
  | 'prioritiesTurned'
  | 'externalMayRaise'
  | 'error'
>;

export interface MapperParts {
  readonly store: Pick<MappingStore, keyof MappingStore>;
  /** As configured; rows of api_key_priority_config take precedence. */
  readonly settings: PrioritySettings;
  readonly clock: Clock;
  readonly events: MapperEvents;
  /** Called when other processes must read the rows again, before that is answered. */
  readonly onWrite?: (() => void) | undefined;
}

/** Serves the mappings: a snapshot that answers without I/O, kept fresh in the background and by its own writes. */
export class Mapper {
  readonly #parts: MapperParts;
  readonly #rows: FreshRows<Reloaded>;
  readonly #writes: MappingWrites;
  #loaded: Loaded | null = null;
  #settings: PrioritySettings;
  /** The one on the request path, replaced as a whole. */
  #classify: Classify;
  #cancelTurn = () => {};
  readonly #faults: ToldFaults;
  readonly #tenantNames = new TenantNames();

  constructor(parts: MapperParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#faults = new ToldFaults(parts.events);
    this.#classify = defaultClassify(parts.settings);
    this.#writes = new MappingWrites({
      store: parts.store,
      listed: row => this.listed(row),
      regexWeight: without => this.regexWeight(without),
    });
    this.#rows = new FreshRows({
      load: () => this.#load(),
      onFailure: error => parts.events.mappingsReloadFailed(error),
      retriedBy: 'timer',
      ttlMs: () => this.#ttlMs,
      clock: parts.clock,
    });
  }

  /** Does no I/O. */
  readonly classify: Classify = request => {
    this.#rows.use();
    return this.#classify(request);
  };

  /** The mapping that wins for this key, whether or not mapping is switched on. */
  match(key: string): Mapping | null {
    this.#rows.use();
    return this.#loaded?.compiled.snapshot.match(key) ?? null;
  }

  /** Returns the tenant's name for a flow ID; null if no row has one. */
  tenantName(flowId: string): string | null {
    return this.#loaded === null ? null : this.#tenantNames.find(flowId, this.#loaded.rows);
  }

  /** Resolves when the first snapshot serves; tries once a second until then. */
  start(): Promise<void> {
    warmUpRegexEngine();
    return this.#rows.start();
  }

  /** Resolves when no reload is under way any more. */
  async stop(): Promise<void> {
    await this.#rows.stop();
    // The last load may have set it.
    this.#cancelTurn();
  }

  /** The tables may have changed: reloads in the background. */
  changed(): void {
    this.#rows.changed();
  }

  /** Resolves when a snapshot serves whose rows were read after this call. */
  reload(): Promise<Reloaded> {
    this.#parts.onWrite?.();
    return this.#rows.reload();
  }

  /** The same for rows that another process has written: resolves also where they cannot be read yet. */
  async catchUp(): Promise<void> {
    // The failure has been reported and the load is retried.
    await this.#rows.reload().catch(() => {});
  }

  status(): MapperStatus {
    return statusOf(this.#loaded, {
      now: this.#parts.clock.now(),
      degraded: this.#rows.isFailing,
      enabled: this.#settings.enabled.value,
      ttlMs: this.#ttlMs,
    });
  }

  /** Returns the rows in effect, as read and compiled; null before the first load. */
  serving(): Loaded | null {
    return this.#loaded;
  }

  /** Returns the total weight of the enabled regexes without those of these rows. */
  regexWeight(without: readonly number[]): number {
    if (this.#loaded === null) return 0;
    const { rows, rowById } = this.#loaded;
    const gone = without.map(id => rowById.get(id)).filter(row => row !== undefined);
    return weightIn(rows) - weightIn(gone);
  }

  /** Returns the settings in effect, with their sources. */
  settings(): PrioritySettings {
    return this.#settings;
  }

  /** Returns which external tenants can raise themselves by X-Priority at present; null: none. */
  externalMayRaise(): ExternalMayRaise | null {
    return externalMayRaise(this.#settings, this.#loaded?.compiled.snapshot);
  }

  async putSettings(patch: SettingsPatch, actor?: string): Promise<PrioritySettings> {
    const stored = await this.written(this.#parts.store.writeSettings(changesOf(patch), actor));
    return effectiveSettings(this.#parts.settings, stored).settings;
  }

  async find(id: number): Promise<ShownMapping> {
    const row = isStorable(id) && (await this.#parts.store.find(id));
    if (!row) throw noMapping(id);
    return this.listed(row);
  }

  /** Like the other writes, resolves when the change serves here. */
  async create(mapping: NewMapping, createdBy: string): Promise<ShownMapping> {
    const row = await this.written(this.#writes.create(mapping, createdBy));
    this.#parts.events.mappingAdded({
      tenantId: row.tenant_id,
      tenantType: mapping.tenant_type ?? null,
      pattern: row.pattern,
      exact: row.match_type === 'exact',
      priority: row.priority,
    });
    return this.listed(row);
  }

  async update(id: number, patch: MappingPatch, by: WriteBy = {}): Promise<ShownMapping> {
    return this.listed(await this.written(this.#writes.update(id, patch, by)));
  }

  async remove(id: number, by: WriteBy = {}): Promise<void> {
    await this.written(this.#writes.remove(id, by));
  }

  /** A row as it is shown, with what is wrong with it. */
  listed(row: StoredMapping): ShownMapping {
    const timing = shownTiming(row.priority, this.#loaded?.timings.get(row.id), this.#parts.clock.date().getTime());
    return { ...row, ...timing, fault: compileRow(row, this.#loaded?.rowById.get(row.id)).fault };
  }

  /** Resolves when what is being written serves here, or is at least stored. */
  async written<T>(writing: Promise<T>): Promise<T> {
    const written = await writing;
    try {
      await this.reload();
    } catch (error) {
      this.#parts.events.error('APIKeyMapper: a change is stored but does not serve here yet', error);
    }
    return written;
  }

  get #ttlMs(): number {
    return this.#settings.cache_ttl_sec.value * 1_000;
  }

  async #load(): Promise<Reloaded> {
    const { store, clock, events } = this.#parts;
    const began = clock.now();
    const loaded = await loadSnapshot(store, clock, this.#loaded);
    const { settings, faults } = effectiveSettings(this.#parts.settings, loaded.storedSettings);
    this.#settings = settings;
    this.#serve(loaded);
    this.#faults.tell(loaded, faults);
    const reloaded = reloadedOf(loaded, clock.now() - began);
    events.mappingsReloaded(reloaded);
    return reloaded;
  }

  #serve(loaded: Loaded): void {
    const { clock, events } = this.#parts;
    const { snapshot, validUntil } = loaded.compiled;
    this.#loaded = loaded;
    this.#classify = classifyBySettings({ settings: this.#settings, match: key => snapshot.match(key), events });
    this.#faults.tellRaising(this.externalMayRaise());
    this.#cancelTurn();
    this.#cancelTurn = wakeAt(clock, validUntil, () => this.#turn(loaded));
  }

  /** The same rows mean something else from now on. At once and without the database, so that the next request obeys. */
  #turn(loaded: Loaded): void {
    const compiled = compile(loaded.rows, this.#parts.clock.date().getTime());
    this.#serve({ ...loaded, compiled });
    this.#parts.events.prioritiesTurned(compiled);
  }
}
