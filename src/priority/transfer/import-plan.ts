/**
 * Plans the writes of an import. A row of the file is matched to a stored one by these rules:
 *
 *   1. the row of the same pattern, an exact key in either spelling
 *   2. else a row, not taken yet, of the same text and another match type: texts are unique
 *   3. else a new row
 *
 * Unmatched stored rows are deleted if the import prunes, else left.
 */
import type { MappingRow } from '../../db/schema.ts';
import type { PortableRow } from '../../domain/mapping.ts';
import type { ImportChange } from '../../domain/shown/impact.ts';
import type { ReadRow } from './import-rows.ts';
import { identityOf, isSameRow, portable } from './portable-row.ts';
import { FaultCount, type RowFault, type RowFaults, together } from './row-faults.ts';

export interface Plan {
  readonly created: readonly Pick<ReadRow, 'row' | 'weight'>[];
  /** With the stored spelling of the pattern; `weight` is that of the row as it will be. */
  readonly updated: readonly { readonly before: MappingRow; readonly after: PortableRow; readonly weight: number }[];
  readonly deleted: readonly MappingRow[];
  readonly unchanged: number;
}

/** Rows after which a step ends; exact keys among them are hashed. */
const rowsPerStep = 128;

/** `stored`: all rows, in order of id. Where there are faults nothing must be written. */
export function* planOf(
  stored: readonly MappingRow[],
  file: readonly ReadRow[],
  prune: boolean,
): Generator<void, { plan: Plan; faults: RowFaults }> {
  const pairing = yield* pair(stored, file);
  const faults = new FaultCount();
  const created: ReadRow[] = [];
  const updated: Plan['updated'][number][] = [];
  let unchanged = 0;
  for (const [at, { read, before }] of pairing.pairs.entries()) {
    if (at % rowsPerStep === 0) yield;
    // Also where it breaks a rule: a row written by hand may stay as it is.
    if (before !== null && isSameRow(before, read.row)) unchanged += 1;
    else if (read.fault !== null) faults.add(read.fault);
    else if (before === null) created.push(read);
    else updated.push({ before, after: { ...read.row, pattern: before.pattern }, weight: read.weight });
  }
  const deleted = prune ? pairing.left : [];
  const left = pairing.left.length - deleted.length;
  return {
    plan: { created, updated, deleted, unchanged: unchanged + left },
    faults: together([...pairing.faults, faults]),
  };
}

interface Pair {
  readonly read: ReadRow;
  /** Null: a new row. */
  before: MappingRow | null;
}

interface Pairing {
  readonly pairs: readonly Readonly<Pair>[];
  readonly faults: readonly RowFaults[];
  /** Stored rows that the file does not name. */
  readonly left: readonly MappingRow[];
}

/** The stored rows that have a row of the file, with it. */
type Taken = Map<MappingRow, ReadRow>;

function* pair(stored: readonly MappingRow[], file: readonly ReadRow[]): Generator<void, Pairing> {
  const taken: Taken = new Map();
  const { byIdentity, byText } = yield* indexed(stored);
  const { pairs, faults: samePatterns } = yield* pairByPattern(file, byIdentity, taken);
  const sameTexts = yield* pairByText(pairs, byText, taken);
  const left: MappingRow[] = [];
  for (const [at, row] of stored.entries()) {
    if (at % rowsPerStep === 0) yield;
    if (!taken.has(row)) left.push(row);
  }
  return { pairs, faults: [samePatterns, sameTexts], left };
}

/** Rule 1. */
function* pairByPattern(
  file: readonly ReadRow[],
  byIdentity: ReadonlyMap<string, readonly MappingRow[]>,
  taken: Taken,
): Generator<void, { pairs: Pair[]; faults: RowFaults }> {
  const faults = new FaultCount();
  const pairs: Pair[] = [];
  const first = new Map<string, ReadRow>();
  for (const [at, read] of file.entries()) {
    if (at % rowsPerStep === 0) yield;
    const identity = identityOf(read.row);
    // Written by hand, two spellings of one key may stand side by side: each finds its own again.
    const free = (byIdentity.get(identity) ?? []).filter(row => !taken.has(row));
    const before = free.find(row => isSameRow(row, read.row)) ?? free[0] ?? null;
    const twin = first.get(identity);
    if (before === null && twin !== undefined) {
      faults.add(faultOf(read, `it is the pattern of ${placeOf(twin)} again`));
      continue;
    }
    first.set(identity, twin ?? read);
    if (before !== null) taken.set(before, read);
    pairs.push({ read, before });
  }
  return { pairs, faults };
}

/** Rules 2 and 3, for the pairs without a stored row. */
function* pairByText(
  pairs: readonly Pair[],
  byText: ReadonlyMap<string, MappingRow>,
  taken: Taken,
): Generator<void, RowFaults> {
  const faults = new FaultCount();
  const isNew = new Map<string, ReadRow>();
  for (const [at, one] of pairs.entries()) {
    if (at % rowsPerStep === 0) yield;
    if (one.before !== null) continue;
    const { pattern } = one.read.row;
    const sameText = byText.get(pattern);
    const twin = (sameText && taken.get(sameText)) ?? isNew.get(pattern);
    if (twin) {
      faults.add(faultOf(one.read, `${placeOf(twin)} has the same text; a text can stand in one mapping only`));
    } else if (sameText) {
      taken.set(sameText, one.read);
      one.before = sameText;
    } else isNew.set(pattern, one.read);
  }
  return faults;
}

function* indexed(stored: readonly MappingRow[]) {
  const byIdentity = new Map<string, MappingRow[]>();
  const byText = new Map<string, MappingRow>();
  for (const [at, row] of stored.entries()) {
    if (at % rowsPerStep === 0) yield;
    byText.set(row.pattern, row);
    const identity = identityOf(row);
    const same = byIdentity.get(identity);
    if (same) same.push(row);
    else byIdentity.set(identity, [row]);
  }
  return { byIdentity, byText };
}

const faultOf = ({ place }: ReadRow, reason: string): RowFault => ({ ...place, field: 'pattern', reason });

export const placeOf = ({ place: { index, line } }: { readonly place: Pick<RowFault, 'index' | 'line'> }): string =>
  line === null ? `mappings[${index}]` : `line ${line}`;

/**
 * The changes as operators see them: no key in clear. At most `most`; `ids` of the created rows, in their order; none
 * before the write.
 */
export function changesOf({ created, updated, deleted }: Plan, ids: readonly number[], most: number): ImportChange[] {
  const rest = (before: number) => Math.max(0, most - before);
  return [
    ...created.slice(0, most).map(({ row }, at): ImportChange => {
      return { action: 'create', id: ids[at] ?? null, before: null, after: portable(row) };
    }),
    ...updated.slice(0, rest(created.length)).map(({ before, after }): ImportChange => {
      return { action: 'update', id: before.id, before: portable(before), after: portable(after) };
    }),
    ...deleted.slice(0, rest(created.length + updated.length)).map((row): ImportChange => {
      return { action: 'delete', id: row.id, before: portable(row), after: null };
    }),
  ];
}
