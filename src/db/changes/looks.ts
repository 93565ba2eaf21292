import type { ClientBase } from 'pg';
import { type Catalogue, readCatalogue, type TableState } from '../migrations/catalogue.ts';
import { tellsAll } from '../migrations/triggers.ts';
import { type TableName, tableNames } from '../schema.ts';
import { changedTables, type Fingerprints, readFingerprints } from './fingerprint.ts';

export interface Seen {
  readonly catalogue: Catalogue;
  /** Whose rows may be others than at the look before; all of them at the first. */
  readonly changed: readonly TableName[];
  /** The catalogue says something else than before, or it is the first look. */
  readonly isAltered: boolean;
}

/**
 * One look after the other at our tables: at the catalogue, which shows what no trigger reports, and at the
 * fingerprints of those tables of whose changes nobody is told, unless nothing in the database has changed.
 */
export class Looks {
  #catalogue: Catalogue | null = null;
  #prints: Fingerprints = new Map();
  /** As of which `#prints` were read, or before. */
  #moment = '';

  /** `isHeard`: notifications arrive. */
  async look(client: ClientBase, schema: string, isHeard: boolean): Promise<Seen> {
    const before = this.#catalogue;
    const catalogue = await readCatalogue(client, schema);
    const printed = await this.#print(client, schema, untold(catalogue, isHeard), catalogue.moment);
    this.#catalogue = catalogue;
    const altered = before === null ? tableNames : tableNames.filter(name => isOther(name, before, catalogue));
    return { catalogue, changed: [...new Set([...altered, ...printed])], isAltered: altered.length > 0 };
  }

  /** The next look is a first one. */
  forget(): void {
    this.#catalogue = null;
    this.#prints = new Map();
  }

  /** Whose fingerprint is another. */
  async #print(
    client: ClientBase,
    schema: string,
    tables: ReadonlyMap<TableName, TableState>,
    moment: string,
  ): Promise<TableName[]> {
    const before = this.#prints;
    const isStill =
      this.#moment === moment && [...tables].every(([table, { isPlain }]) => isPlain && before.has(table));
    if (isStill) return [];
    this.#prints = tables.size === 0 ? new Map() : await readFingerprints(client, schema, tables);
    this.#moment = moment;
    return changedTables(before, this.#prints);
  }
}

const isOther = (table: TableName, before: Catalogue, now: Catalogue): boolean =>
  before.tables.get(table)?.print !== now.tables.get(table)?.print;

/** Those of whose changes nobody is told. */
const untold = ({ tables }: Catalogue, isHeard: boolean): Map<TableName, TableState> => {
  const untold = new Map<TableName, TableState>();
  for (const name of tableNames) {
    const state = tables.get(name);
    if (state !== undefined && !(isHeard && tellsAll(state))) untold.set(name, state);
  }
  return untold;
};
