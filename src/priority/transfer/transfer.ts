/** Mappings as a file: all of them out, and a file in, all of it or nothing. */
import { answerOf } from '../../db/answered.ts';
import type { MappingRow } from '../../db/schema.ts';
import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { PortableRow } from '../../domain/mapping.ts';
import type { Imported } from '../../domain/shown/impact.ts';
import { atMost } from '../../domain/structures/at-most.ts';
import type { Events } from '../../telemetry/events.ts';
import type { DryRun, RowEdit } from '../asking/dry-run.ts';
import { byPriority } from '../matching/by-priority.ts';
import { regexRoom } from '../matching/regex-room.ts';
import type { Mapper } from '../serving/mapper.ts';
import { inSlices } from '../serving/snapshot-loader.ts';
import { type DocumentFormat, type ImportFile, type ReadFile, readInWorker } from './document-worker.ts';
import { changesOf, type Plan, placeOf, planOf } from './import-plan.ts';
import { yamlOf } from './plain-yaml.ts';
import { portable } from './portable-row.ts';
import { type RowFaults, together } from './row-faults.ts';
import type { TransferStore } from './transfer-store.ts';

export type { DocumentFormat, ImportFile };

export interface ImportOptions {
  readonly dryRun: boolean;
  /** Also deletes the rows that the file does not name. */
  readonly prune: boolean;
  readonly actor: string;
}

export interface TransferParts {
  readonly mapper: Pick<Mapper, 'written' | 'regexWeight'>;
  readonly store: TransferStore;
  readonly dryRun: Pick<DryRun, 'impactOf'>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info'>;
}

const changesShown = 1_000;
const faultsInMessage = 3;
/** Imports at once: each holds its file in memory. */
const mostImports = 6;
/** Files that are parsed at the same time, so that a slow one does not block the others. */
const mostReading = 2;
const retryAfterSec = 5;
const rowsPerStep = 256;

const yamlHead = '# Mappings of API keys to tenants and priorities; exact keys stand here by their hash.\n';

export class Transfer {
  readonly #parts: TransferParts;
  readonly #reading = atMost(mostReading);
  /** One after the other: each looks at all rows that there are. */
  readonly #applying = atMost(1);
  #imports = 0;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** All rows in the order in which they win, as a file. */
  async export(format: DocumentFormat): Promise<string> {
    const { rows } = await this.#parts.store.readAll();
    return inSlices(textSteps(rows, format), this.#parts.clock);
  }

  async import(file: ImportFile, options: ImportOptions): Promise<Imported> {
    if (this.#imports >= mostImports)
      throw errors.unavailable(
        `${mostImports} imports are under way already; try again when one is done.`,
        retryAfterSec,
      );
    this.#imports += 1;
    try {
      const read = await this.#reading(() => readInWorker(file, this.#parts.clock));
      return await this.#applying(() => this.#apply(read, options));
    } finally {
      this.#imports -= 1;
    }
  }

  async #apply(file: ReadFile, options: ImportOptions): Promise<Imported> {
    const { store, mapper, clock } = this.#parts;
    const plan = (rows: readonly MappingRow[]) => this.#planned(rows, file, options);
    if (options.dryRun) {
      const { rows, nextId } = await store.readAll(file.rows.length);
      const tried = await plan(rows);
      const impact = await this.#parts.dryRun.impactOf(await inSlices(editsOf(tried, nextId), clock));
      return { ...resultOf(tried, []), dry_run: true, impact };
    }
    const writing = store.write(plan, options.actor).catch((error: unknown) => {
      // The body is bytes: which field of the file holds a text is known only here.
      throw answerOf(error, { mappings: file.rows.map(({ row }) => row) });
    });
    const { plan: written, createdIds } = await mapper.written(writing);
    const result = resultOf(written, createdIds);
    const { created, updated, deleted, unchanged } = result;
    const figures = `${created} created, ${updated} updated, ${deleted} deleted, ${unchanged} unchanged`;
    this.#parts.events.info(`APIKeyMapper: Imported mappings: ${figures}`);
    return result;
  }

  /** Throws `invalid_request` where rows are at fault, or where their regexes find no room. */
  async #planned(rows: readonly MappingRow[], file: ReadFile, { prune }: ImportOptions): Promise<Plan> {
    const { clock, mapper } = this.#parts;
    const { plan, faults: unfit } = await inSlices(planOf(rows, file.rows, prune), clock);
    const faults = together([file.faults, unfit]);
    if (faults.count > 0) throw refusal(faults);
    const { added, gone } = await inSlices(regexesOf(plan), clock);
    const others = mapper.regexWeight(gone);
    if (added === 0 || added + others <= regexRoom) return plan;
    const figures = `they weigh ${added}, the others that are enabled ${others}, and ${regexRoom} together can serve`;
    throw errors.invalidRequest(`Nothing is imported, there is no room for the file's regexes: ${figures}.`);
  }
}

/**
 * Returns the total weight of regexes that will serve and do not yet, and the IDs of those that will no longer serve
 * unchanged.
 */
function* regexesOf({ created, updated, deleted }: Plan): Generator<void, { added: number; gone: number[] }> {
  const gone: number[] = [];
  let added = 0;
  let seen = 0;
  for (const { row, weight } of created) {
    if (row.enabled) added += weight;
    if (++seen % rowsPerStep === 0) yield;
  }
  for (const { before, after, weight } of updated) {
    if (!isServing(before, after)) {
      if (after.enabled) added += weight;
      if (before.match_type === 'regex') gone.push(before.id);
    }
    if (++seen % rowsPerStep === 0) yield;
  }
  for (const { id, match_type } of deleted) if (match_type === 'regex') gone.push(id);
  return { added, gone };
}

/** The regex of a row that serves goes on serving. */
const isServing = (before: MappingRow, after: PortableRow): boolean =>
  before.enabled && after.enabled && before.match_type === after.match_type && before.pattern === after.pattern;

function refusal({ first, count }: RowFaults) {
  const told = first.slice(0, faultsInMessage).map(fault => `${placeOf({ place: fault })}: ${fault.reason}`);
  const more = count > told.length ? `; and ${count - told.length} more` : '';
  const message = `Nothing is imported, ${count} of the file's rows are at fault: ${told.join('; ')}${more}.`;
  return errors.invalidRows(message, { faults: first, faults_left_out: count - first.length });
}

function resultOf(plan: Plan, createdIds: readonly number[]): Imported {
  const { created, updated, deleted, unchanged } = plan;
  const changes = changesOf(plan, createdIds, changesShown);
  return {
    success: true,
    dry_run: false,
    created: created.length,
    updated: updated.length,
    deleted: deleted.length,
    unchanged,
    changes,
    changes_left_out: created.length + updated.length + deleted.length - changes.length,
  };
}

function* editsOf({ created, updated, deleted }: Plan, nextId: number): Generator<void, RowEdit[]> {
  const edits: RowEdit[] = [];
  for (const { row } of created) if (edits.push({ id: nextId + edits.length, row }) % rowsPerStep === 0) yield;
  for (const { before, after } of updated) if (edits.push({ id: before.id, row: after }) % rowsPerStep === 0) yield;
  for (const { id } of deleted) if (edits.push({ id, row: null }) % rowsPerStep === 0) yield;
  return edits;
}

function* textSteps(rows: readonly MappingRow[], format: DocumentFormat): Generator<void, string> {
  const parts: string[] = [];
  for (const row of yield* byPriority(rows)) {
    const shown = portable(row);
    parts.push(format === 'yaml' ? yamlOf(shown) : `${parts.length === 0 ? '' : ','}${JSON.stringify(shown)}`);
    if (parts.length % rowsPerStep === 0) yield;
  }
  const list = parts.join('');
  if (format === 'json') return `{"mappings":[${list}]}`;
  return `${yamlHead}${list === '' ? 'mappings: []\n' : `mappings:\n${list}`}`;
}
