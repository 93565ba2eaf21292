import type { ClientBase } from 'pg';
import { type Catalogue, readCatalogue, type TableState } from '../migrations/catalogue.ts';
import { tellsAll } from '../migrations/triggers.ts';
import { type TableName, tableNames } from '../schema.ts';
import { changedTables, type Fingerprints, readFingerprints } from './fingerprint.ts';

export interface Seen {
  readonly catalogue: Catalogue;
  /** The tables whose rows may differ from the previous look; all tables at the first look. */
  readonly changed: readonly TableName[];
  /** The catalogue has changed, or this is the first look. */
  readonly isAltered: boolean;
}

/**
 * Looks at our tables repeatedly: at the catalogue, which shows what no trigger reports, and at the fingerprints of the
 * tables without notifications, unless nothing in the database has changed.
 */
export class Looks {
  #catalogue: Catalogue | null = null;
  #prints: Fingerprints = new Map();
  /** A moment not after the reading of `#prints`. */
  #moment = '';

  /** `isHeard`: whether notifications arrive. */
  async look(client: ClientBase, schema: string, isHeard: boolean): Promise<Seen> {
    const before = this.#catalogue;
    const catalogue = await readCatalogue(client, schema);
    const printed = await this.#print(client, schema, untold(catalogue, isHeard), catalogue.moment);
    this.#catalogue = catalogue;
    const altered = before === null ? tableNames : tableNames.filter(name => isOther(name, before, catalogue));
    return { catalogue, changed: [...new Set([...altered, ...printed])], isAltered: altered.length > 0 };
  }

  /** Makes the next look a first one. */
  forget(): void {
    this.#catalogue = null;
    this.#prints = new Map();
  }

  /** Returns the tables whose fingerprint has changed. */
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

/** Returns the tables without notifications of their changes. */
const untold = ({ tables }: Catalogue, isHeard: boolean): Map<TableName, TableState> => {
  const untold = new Map<TableName, TableState>();
  for (const name of tableNames) {
    const state = tables.get(name);
    if (state !== undefined && !(isHeard && tellsAll(state))) untold.set(name, state);
  }
  return untold;
};
