/** Dry runs of changes of mappings: nothing is written, and the answer describes their effect. */
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { Impact, Tried } from '../../domain/shown/impact.ts';
import type { WriteBy } from '../../domain/stale.ts';
import type { Recent } from '../../observed/recent-outcomes.ts';
import { figuresOf, type KnownKey } from '../analysis/impact.ts';
import { type ActiveFlow, type FlowMove, mostPoolsShown, type SharedPool } from '../analysis/share-changes.ts';
import { type CompiledRow, effectiveOf, type MappingSource, type Snapshot } from '../matching/matcher.ts';
import { type Boost, noTiming, withBoost } from '../matching/timing.ts';
import { boostOf, type NewBoost } from '../rows/boost-rules.ts';
import type { MappingPatch, NewMapping } from '../rows/mapping-rules.ts';
import { MappingWrites } from '../rows/mapping-writes.ts';
import type { RehearsalStore } from '../rows/rehearsal-store.ts';
import type { Mapper } from '../serving/mapper.ts';
import { compiledWith, inSlices, type Loaded } from '../serving/snapshot-loader.ts';
import { shownTiming } from '../serving/timing-shown.ts';
import type { Inspector, RowsTogether } from './inspector.ts';

/** A row that would be boosted. */
interface TriedBoost {
  readonly id: number;
  readonly boost: Boost;
}

/** A row as it would be; null: it would be gone. */
export interface RowEdit {
  readonly id: number;
  readonly row: (Omit<MappingSource, 'id'> & { readonly enabled: boolean }) | null;
}

export interface DryRunParts {
  readonly mapper: Mapper;
  readonly store: RehearsalStore;
  readonly inspector: Pick<Inspector, 'warningsAmong'>;
  /** The keys that were seen since the start, and how many there are in all. */
  readonly census: () => Promise<{ readonly keys: readonly KnownKey[]; readonly total: number }>;
  readonly recent: { count(): Generator<void, Recent> };
  readonly sharing: () => readonly SharedPool[];
  readonly clock: Clock;
}

export class DryRun {
  readonly #parts: DryRunParts;
  readonly #writes: MappingWrites;

  constructor(parts: DryRunParts) {
    const { mapper, store } = parts;
    this.#parts = parts;
    this.#writes = new MappingWrites({
      store,
      listed: row => mapper.listed(row),
      regexWeight: without => mapper.regexWeight(without),
    });
  }

  async create(mapping: NewMapping, createdBy: string): Promise<Tried> {
    const row = await this.#writes.create(mapping, createdBy);
    const { impact, warnings } = await this.#tried({ id: row.id, row });
    const shown = { ...this.#parts.mapper.listed(row), id: null, created_at: null, updated_at: null, etag: null };
    return { dry_run: true, mapping: shown, impact, warnings };
  }

  async update(id: number, patch: MappingPatch, by: WriteBy): Promise<Tried> {
    const row = await this.#writes.update(id, patch, by);
    return { dry_run: true, mapping: this.#parts.mapper.listed(row), ...(await this.#tried({ id, row })) };
  }

  async remove(id: number, by: WriteBy): Promise<Tried> {
    const row = await this.#writes.remove(id, by);
    return { dry_run: true, mapping: this.#parts.mapper.listed(row), ...(await this.#tried({ id, row: null })) };
  }

  /** Tries a boost of a mapping: another priority until a moment. */
  async boost(id: number, asked: NewBoost, actor: string): Promise<Tried> {
    const { mapper, clock } = this.#parts;
    const now = clock.date().getTime();
    const boost = boostOf(asked, { now, actor });
    const row = await mapper.find(id);
    const { before, after } = await this.#compiledWith([], { id, boost });
    const impact = await this.#impact(
      before.compiled.snapshot,
      after.snapshot,
      moveOf(id, before.rows, after.rows, now),
    );
    const timing = withBoost(mapper.serving()?.timings.get(id) ?? noTiming, boost);
    return { dry_run: true, mapping: { ...row, ...shownTiming(row.priority, timing, now) }, impact, warnings: [] };
  }

  /** Returns the effect of these changes on the keys and on the last hour's requests. */
  async impactOf(edits: readonly RowEdit[]): Promise<Impact> {
    const { before, after } = await this.#compiledWith(edits);
    return this.#impact(before.compiled.snapshot, after.snapshot, null);
  }

  /** A deleted row has no warnings. */
  async #tried(edit: RowEdit): Promise<Pick<Tried, 'impact' | 'warnings'>> {
    const { before, after } = await this.#compiledWith([edit]);
    const move = moveOf(edit.id, before.rows, after.rows, this.#parts.clock.date().getTime());
    const impact = await this.#impact(before.compiled.snapshot, after.snapshot, move);
    const warnings = edit.row === null ? [] : await this.#parts.inspector.warningsAmong(edit.id, after);
    return { impact, warnings };
  }

  async #compiledWith(
    edits: readonly RowEdit[],
    boosted: TriedBoost | null = null,
  ): Promise<{ before: Loaded; after: RowsTogether }> {
    const { mapper, clock } = this.#parts;
    // As after a real change, the rows are those of the table.
    await mapper.reload();
    const serving = mapper.serving();
    if (serving === null) throw errors.unavailable('The mappings are not read yet.', 1);
    const rows = await inSlices(edited(serving.rows, edits), clock);
    const { timings, rowById } = serving;
    const tried =
      boosted === null
        ? timings
        : new Map(timings).set(boosted.id, withBoost(timings.get(boosted.id) ?? noTiming, boosted.boost));
    return { before: serving, after: await compiledWith(rows, clock, { rowById, timings: tried }) };
  }

  async #impact(before: Snapshot, after: Snapshot, subject: FlowMove | null): Promise<Impact> {
    const { mapper, census, recent, clock, sharing } = this.#parts;
    const { keys, total } = await census();
    const { since, requests } = await inSlices(recent.count(), clock);
    const settings = mapper.settings();
    const figures = await inSlices(figuresOf({ settings, before, after, keys, totalKeys: total, requests }), clock);
    const changes = await inSlices(figures.active.changes(sharing(), subject), clock);
    const { enabled, mode } = settings;
    return {
      mapping: enabled.value ? (mode.value === 'shadow' ? 'shadow' : 'enforced') : 'off',
      keys: figures.keys,
      requests: { since: since.toISOString(), ...figures.requests },
      shares: changes.slice(0, mostPoolsShown),
      shares_left_out: Math.max(changes.length - mostPoolsShown, 0),
    };
  }
}

/** Returns the change of the row's own flow; null if it stays unchanged. */
function moveOf(
  id: number,
  before: readonly CompiledRow[],
  after: readonly CompiledRow[],
  now: number,
): FlowMove | null {
  const flowIn = (rows: readonly CompiledRow[]): ActiveFlow | null => {
    const row = rows.find(({ source }) => source.id === id);
    const effective = row === undefined ? null : effectiveOf(row, now);
    return row?.mapping && effective ? { flowId: row.mapping.flowId, level: effective.level } : null;
  };
  return { before: flowIn(before), after: flowIn(after) };
}

const rowsPerStep = 1_024;

/** Enabled rows in order of id, as they would be: nearly all are in order before, so that sorting them is one pass. */
function* edited(rows: readonly CompiledRow[], edits: readonly RowEdit[]): Generator<void, MappingSource[]> {
  const edited = new Map<number, RowEdit>();
  for (const edit of edits) {
    edited.set(edit.id, edit);
    if (edited.size % rowsPerStep === 0) yield;
  }
  const left: MappingSource[] = [];
  for (const [at, { source }] of rows.entries()) {
    if (!edited.has(source.id)) left.push(source);
    if (at % rowsPerStep === rowsPerStep - 1) yield;
  }
  for (const [at, { id, row }] of edits.entries()) {
    if (row?.enabled) left.push(sourceOf(id, row));
    if (at % rowsPerStep === rowsPerStep - 1) yield;
  }
  yield;
  return left.sort((a, b) => a.id - b.id);
}

const sourceOf = (id: number, row: Omit<MappingSource, 'id'>): MappingSource => ({
  id,
  pattern: row.pattern,
  match_type: row.match_type,
  priority: row.priority,
  tenant_id: row.tenant_id,
  tenant_name: row.tenant_name,
  tenant_type: row.tenant_type,
});
