/** Mappings as a file: all of them out, and a file in, all of it or nothing. */
import { answered } from '../db/answered.ts';
import type { MappingRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import type { Events } from '../telemetry/events.ts';
import { DocumentFault, type DocumentFormat, readInWorker, rowsOfJson } from './document-worker.ts';
import type { DryRun, Impact, RowEdit } from './dry-run.ts';
import { changesOf, type ImportChange, type Plan, placeOf, planOf } from './import-plan.ts';
import { type ReadRow, type RowFault, readRowsSteps } from './import-rows.ts';
import type { Mapper } from './mapper.ts';
import { type FileRow, plainYamlSteps, yamlOf } from './plain-yaml.ts';
import { type PortableRow, portable } from './portable-row.ts';
import { inSlices } from './snapshot-loader.ts';
import type { TransferStore } from './transfer-store.ts';

export type { DocumentFormat };

export interface ImportFile {
  readonly format: DocumentFormat;
  readonly text: string;
}

export interface ImportOptions {
  readonly dryRun: boolean;
  /** Also deletes the rows that the file does not name. */
  readonly prune: boolean;
  readonly actor: string;
}

export interface Imported {
  readonly success: true;
  readonly dry_run: boolean;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  readonly changes: readonly ImportChange[];
  readonly changes_left_out: number;
  /** Of a dry run: what it would do. */
  readonly impact?: Impact;
}

export interface TransferParts {
  readonly mapper: Pick<Mapper, 'written'>;
  readonly store: TransferStore;
  readonly dryRun: Pick<DryRun, 'impactOf'>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'info'>;
}

const changesShown = 1_000;
const faultsShown = 10_000;
const faultsInMessage = 3;
/** Larger JSON is read in a thread of its own too. */
const smallJson = 2 ** 20;
/** Imports that may wait for the one under way: each holds its file in memory. */
const mostWaiting = 4;

const yamlHead = '# Mappings of API keys to tenants and priorities; exact keys stand here by their hash.\n';

export class Transfer {
  readonly #parts: TransferParts;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** In the order in which they win. */
  async exportRows(): Promise<PortableRow[]> {
    const { rows } = await answered(this.#parts.store.readAll());
    return rows.sort((a, b) => a.priority - b.priority || a.id - b.id).map(portable);
  }

  async exportYaml(): Promise<string> {
    const rows = await this.exportRows();
    return inSlices(yamlSteps(rows), this.#parts.clock);
  }

  /** One after the other: each may take all the memory that reading a file is given. */
  async import(file: ImportFile, options: ImportOptions): Promise<Imported> {
    if (this.#waiting > mostWaiting) throw errors.unavailable('Other imports are waiting already.', 5);
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#import(file, options)).finally(() => (this.#waiting -= 1));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #import(file: ImportFile, options: ImportOptions): Promise<Imported> {
    const { store, mapper, clock } = this.#parts;
    const { read, faults } = await inSlices(readRowsSteps(await this.#read(file)), clock);
    const plan = async (rows: readonly MappingRow[]) => planned(rows, { read, faults, prune: options.prune });
    if (options.dryRun) {
      const { rows, nextId } = await answered(store.readAll(read.length));
      const tried = await plan(rows);
      const impact = await this.#parts.dryRun.impactOf(editsOf(tried, nextId));
      return { ...resultOf(tried, []), dry_run: true, impact };
    }
    const { plan: written, createdIds } = await mapper.written(store.write(plan, options.actor));
    const result = resultOf(written, createdIds);
    const { created, updated, deleted, unchanged } = result;
    const figures = `${created} created, ${updated} updated, ${deleted} deleted, ${unchanged} unchanged`;
    this.#parts.events.info(`APIKeyMapper: Imported mappings: ${figures}`);
    return result;
  }

  async #read({ format, text }: ImportFile): Promise<readonly FileRow[]> {
    const { clock } = this.#parts;
    const plain = format === 'yaml' ? await inSlices(plainYamlSteps(text), clock) : null;
    if (plain !== null) return plain;
    if (format === 'yaml' || text.length > smallJson) return readInWorker(format, text, clock);
    try {
      return rowsOfJson(text);
    } catch (error) {
      throw error instanceof DocumentFault ? errors.invalidRequest(error.message) : error;
    }
  }
}

interface CheckedFile {
  readonly read: readonly ReadRow[];
  readonly faults: readonly RowFault[];
  readonly prune: boolean;
}

/** Throws `invalid_request` with all rows that are at fault. */
function planned(rows: readonly MappingRow[], { read, faults: misshaped, prune }: CheckedFile): Plan {
  const { plan, faults: unfit } = planOf(rows, read, prune);
  const faults = [...misshaped, ...unfit].sort((a, b) => a.index - b.index);
  if (faults.length === 0) return plan;
  const told = faults.slice(0, faultsInMessage).map(fault => `${placeOf({ place: fault })}: ${fault.reason}`);
  const more = faults.length > told.length ? `; and ${faults.length - told.length} more` : '';
  const message = `Nothing is imported, ${faults.length} of the file's rows are at fault: ${told.join('; ')}${more}.`;
  throw errors.invalidRows(message, {
    faults: faults.slice(0, faultsShown),
    faults_left_out: Math.max(0, faults.length - faultsShown),
  });
}

function resultOf(plan: Plan, createdIds: readonly number[]): Imported {
  const changes = changesOf(plan, createdIds);
  return {
    success: true,
    dry_run: false,
    created: plan.created.length,
    updated: plan.updated.length,
    deleted: plan.deleted.length,
    unchanged: plan.unchanged,
    changes: changes.slice(0, changesShown),
    changes_left_out: Math.max(0, changes.length - changesShown),
  };
}

const editsOf = ({ created, updated, deleted }: Plan, nextId: number): RowEdit[] => [
  ...created.map((row, at) => ({ id: nextId + at, row })),
  ...updated.map(({ before: { id }, after }) => ({ id, row: after })),
  ...deleted.map(({ id }) => ({ id, row: null })),
];

function* yamlSteps(rows: readonly PortableRow[]): Generator<void, string> {
  const parts = [yamlHead, rows.length === 0 ? 'mappings: []\n' : 'mappings:\n'];
  for (const [place, row] of rows.entries()) {
    parts.push(yamlOf(row));
    if (place % 256 === 255) yield;
  }
  return parts.join('');
}
