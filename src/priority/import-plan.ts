/**
 * What an import does to the rows that are stored: whose row each row of the file is, and what becomes of it.
 *
 *   1. the row of the same pattern, an exact key in either spelling
 *   2. else a row, not taken yet, of the same text and another match type: texts are unique
 *   3. else a new row
 *
 * Stored rows that no row of the file took are deleted where the import is to prune, else left.
 */
import type { MappingRow } from '../db/schema.ts';
import type { ReadRow, RowFault } from './import-rows.ts';
import { identityOf, isSameRow, type PortableRow, portable } from './portable-row.ts';

export interface Plan {
  readonly created: readonly PortableRow[];
  /** With the stored spelling of the pattern. */
  readonly updated: readonly { readonly before: MappingRow; readonly after: PortableRow }[];
  readonly deleted: readonly MappingRow[];
  readonly unchanged: number;
}

/** Not empty: nothing must be written. */
type PlanFaults = readonly RowFault[];

/** `stored`: all rows, in order of id. */
export function planOf(
  stored: readonly MappingRow[],
  file: readonly ReadRow[],
  prune: boolean,
): { plan: Plan; faults: PlanFaults } {
  const pairing = pair(stored, file);
  const faults: RowFault[] = [...pairing.faults];
  const created: PortableRow[] = [];
  const updated: Plan['updated'][number][] = [];
  let unchanged = 0;
  for (const { read, before } of pairing.pairs) {
    if (before !== null && isSameRow(before, read.row)) {
      // Also where it breaks a rule: a row written by hand may stay as it is.
      unchanged += 1;
      continue;
    }
    if (read.fault !== null) faults.push(read.fault);
    else if (before === null) created.push(read.row);
    else updated.push({ before, after: { ...read.row, pattern: before.pattern } });
  }
  const deleted = prune ? pairing.left : [];
  faults.sort((a, b) => a.index - b.index);
  return { plan: { created, updated, deleted, unchanged: unchanged + pairing.left.length - deleted.length }, faults };
}

interface Pairing {
  readonly pairs: readonly { readonly read: ReadRow; readonly before: MappingRow | null }[];
  readonly faults: readonly RowFault[];
  /** Stored rows that the file does not name. */
  readonly left: readonly MappingRow[];
}

function pair(stored: readonly MappingRow[], file: readonly ReadRow[]): Pairing {
  const taken = new Map<MappingRow, ReadRow>();
  const first = new Map<string, ReadRow>();
  const faults: RowFault[] = [];
  const byIdentity = Map.groupBy(stored, identityOf);
  const byText = new Map(stored.map(row => [row.pattern, row]));
  const pairs: { read: ReadRow; before: MappingRow | null }[] = [];
  for (const read of file) {
    const identity = identityOf(read.row);
    // Written by hand, two spellings of one key may stand side by side: each finds its own again.
    const free = (byIdentity.get(identity) ?? []).filter(row => !taken.has(row));
    const before = free.find(row => isSameRow(row, read.row)) ?? free[0] ?? null;
    const twin = first.get(identity);
    if (before === null && twin !== undefined) {
      faults.push(faultOf(read, `it is the pattern of ${placeOf(twin)} again`));
      continue;
    }
    first.set(identity, twin ?? read);
    if (before !== null) taken.set(before, read);
    pairs.push({ read, before });
  }
  const isNew = new Map<string, ReadRow>();
  for (const one of pairs) {
    if (one.before !== null) continue;
    const { pattern } = one.read.row;
    const sameText = byText.get(pattern);
    const twin = (sameText && taken.get(sameText)) ?? isNew.get(pattern);
    if (twin) {
      faults.push(faultOf(one.read, `${placeOf(twin)} has the same text; a text can stand in one mapping only`));
    } else if (sameText) {
      taken.set(sameText, one.read);
      one.before = sameText;
    } else isNew.set(pattern, one.read);
  }
  return { pairs, faults, left: stored.filter(row => !taken.has(row)) };
}

const faultOf = ({ place }: ReadRow, reason: string): RowFault => ({ ...place, field: 'pattern', reason });

export const placeOf = ({ place: { index, line } }: { readonly place: Pick<RowFault, 'index' | 'line'> }): string =>
  line === null ? `mappings[${index}]` : `line ${line}`;

export interface ImportChange {
  readonly action: 'create' | 'update' | 'delete';
  /** Null before there is a row. */
  readonly id: number | null;
  readonly before: PortableRow | null;
  readonly after: PortableRow | null;
}

/** As operators see them: no key in clear. `ids` of what was created, in its order; none before that. */
export const changesOf = ({ created, updated, deleted }: Plan, ids: readonly number[]): ImportChange[] => [
  ...created.map((row, at): ImportChange => {
    return { action: 'create', id: ids[at] ?? null, before: null, after: portable(row) };
  }),
  ...updated.map(({ before, after }): ImportChange => {
    return { action: 'update', id: before.id, before: portable(before), after: portable(after) };
  }),
  ...deleted.map((row): ImportChange => ({ action: 'delete', id: row.id, before: portable(row), after: null })),
];
