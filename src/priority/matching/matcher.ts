/**
 * Finds the mapping that wins for a key: the first that matches in the order priority, id.
 *
 * A snapshot numbers its usable rows in that order, so "wins" is "has the smaller rank":
 *
 *   exact             Map of keys, Map of SHA-256 digests
 *   prefix, suffix    one pass over the key; at each length that some pattern has, the hash so far
 *                     is looked up in a table, and a hit is compared as text (a collision never matches)
 *   contains, regex   one by one in order of rank, as far as they could still beat the best found
 *
 * Answers, "no match" too, are remembered per key, in two generations of bounded size.
 */
import { allLevels, isLevel, type Level, type MatchType, type TenantType } from '../../domain/vocabulary.ts';
import { AffixTable } from './affix-table.ts';
import { digestOfKey, type FaultyPattern, type Pattern, parsePattern } from './pattern.ts';
import { regexesInRoom } from './regex-room.ts';
import { type Effective, effectiveAt, noTiming, type Timing } from './timing.ts';

/** The fields of a mapping's row that the matcher reads. */
export interface MappingSource {
  readonly id: number;
  readonly pattern: string;
  readonly match_type: MatchType;
  readonly priority: number;
  readonly tenant_id: string | null;
  readonly tenant_name: string | null;
  readonly tenant_type: string | null;
}

/** A usable row, as a match returns it. */
export interface Mapping extends MappingSource {
  /** In a snapshot the effective level; `priority` is the row's. */
  readonly level: Level;
  /** The tenant's queue: its ID, or the mapping's if it has none. */
  readonly flowId: string;
}

/** A usable row with its pattern. */
export interface RankedRow {
  readonly pattern: Pattern;
  readonly mapping: Mapping;
}

export interface CompiledRow {
  readonly source: MappingSource;
  readonly pattern: Pattern | FaultyPattern;
  /** Null: the row is unusable. */
  readonly mapping: Mapping | null;
  readonly fault: string | null;
  /** The boosts and schedules that change its priority; `mapping.level` is the row's own. */
  readonly timing: Timing;
}

/** Rows after which a step ends, so that whoever drives the steps can let others run. */
const rowsPerStep = 256;

/** A step of this many rows, or one regex, takes well under one or two milliseconds. */
export function* compileRows(
  rows: readonly MappingSource[],
  previous: ReadonlyMap<number, CompiledRow>,
  timings: ReadonlyMap<number, Timing> = new Map(),
): Generator<void, CompiledRow[]> {
  const regexes = rows.filter(({ match_type }) => match_type === 'regex');
  const patterns = yield* regexesInRoom(regexes, ({ id, pattern }) => knownPattern('regex', pattern, previous.get(id)));
  const compiled: CompiledRow[] = [];
  for (const row of rows) {
    compiled.push(compileRow(row, previous.get(row.id), timings.get(row.id) ?? noTiming, patterns.get(row.id)));
    if (compiled.length % rowsPerStep === 0) yield;
  }
  return compiled;
}

/** Reuses as much as possible of the row compiled `before`, including its timing if no other is given. */
export function compileRow(
  row: MappingSource,
  before?: CompiledRow,
  timing = before?.timing ?? noTiming,
  pattern = knownPattern(row.match_type, row.pattern, before) ?? parsePattern(row.match_type, row.pattern),
): CompiledRow {
  if (before && before.pattern === pattern && sameMeaning(before.source, row) && before.timing === timing)
    return before;
  const unusable = (fault: string) => ({ source: row, pattern, mapping: null, fault, timing });
  if (pattern.kind === 'faulty') return unusable(pattern.fault);
  const { id, priority, match_type, tenant_id, tenant_name, tenant_type } = row;
  if (!isLevel(priority)) return unusable(`a priority is a whole number from 0 to 9, not ${priority}`);
  const flowId = flowIdOf(row);
  const mapping = { id, pattern: row.pattern, match_type, priority, tenant_id, tenant_name, tenant_type };
  return { source: row, pattern, mapping: { ...mapping, level: priority, flowId }, fault: null, timing };
}

/** Returns the queue of a row's tenant within a level. */
export const flowIdOf = ({ id, tenant_id }: Pick<MappingSource, 'id' | 'tenant_id'>): string =>
  tenant_id || `mapping:${id}`;

const knownPattern = (matchType: MatchType, text: string, before?: CompiledRow): CompiledRow['pattern'] | undefined =>
  before?.source.pattern === text && before.source.match_type === matchType ? before.pattern : undefined;

const sameMeaning = (a: MappingSource, b: MappingSource) =>
  a.pattern === b.pattern &&
  a.match_type === b.match_type &&
  a.priority === b.priority &&
  a.tenant_id === b.tenant_id &&
  a.tenant_name === b.tenant_name &&
  a.tenant_type === b.tenant_type;

export interface Compiled {
  readonly snapshot: Snapshot;
  /** The first moment (ms since 1970) at which the same rows would compile to another result. */
  readonly validUntil: number;
  /** The number of rows whose priority comes from a boost or a schedule. */
  readonly boosted: number;
  readonly scheduled: number;
}

/** Returns the priority of a row at a moment, and its source; null if the row is unusable. */
export const effectiveOf = ({ mapping, timing }: CompiledRow, now: number): Effective | null =>
  mapping && effectiveAt(mapping.level, timing, now);

/** A snapshot is a function of rows and time (ms since 1970). */
export function* compileSteps(rows: readonly CompiledRow[], now: number): Generator<void, Compiled> {
  const byLevel = allLevels.map((): RankedRow[] => []);
  const counts = { row: 0, schedule: 0, boost: 0 };
  let validUntil = Number.POSITIVE_INFINITY;
  for (const [at, { pattern, mapping, timing }] of rows.entries()) {
    if (at % rowsPerStep === rowsPerStep - 1) yield;
    if (!mapping || pattern.kind === 'faulty') continue;
    const { level, source, until } = effectiveAt(mapping.level, timing, now);
    counts[source]++;
    validUntil = Math.min(validUntil, until);
    byLevel[level]?.push({ pattern, mapping: level === mapping.level ? mapping : { ...mapping, level } });
  }
  yield;
  const snapshot = new Snapshot();
  for (const level of byLevel) {
    // Rows mostly come in order of ID, and sorting a sorted list takes one pass.
    for (const row of level.sort((a, b) => a.mapping.id - b.mapping.id)) {
      snapshot.append(row);
      if (snapshot.size % rowsPerStep === 0) yield;
    }
  }
  return { snapshot, validUntil, boosted: counts.boost, scheduled: counts.schedule };
}

export function compile(rows: readonly CompiledRow[], now: number): Compiled {
  const steps = compileSteps(rows, now);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The number of keys remembered per generation; there are two. */
export const rememberedKeys = 16_384;

export class Snapshot {
  readonly #ranked: RankedRow[] = [];
  readonly #keys = new Map<string, number>();
  readonly #digests = new Map<string, number>();
  readonly #prefixes = new AffixTable(false);
  readonly #suffixes = new AffixTable(true);
  readonly #scans: { rank: number; matches: (key: string) => boolean }[] = [];
  /** The rank of the best pattern that matches every key. */
  #everything = Number.POSITIVE_INFINITY;
  #firstDigest = Number.POSITIVE_INFINITY;
  #recent = new Map<string, Mapping | null>();
  #older = new Map<string, Mapping | null>();

  readonly #tenants = { internal: new Set<string>(), external: new Set<string>() };
  readonly #externalBelowBest = new Set<string>();

  get size(): number {
    return this.#ranked.length;
  }

  /** Usable rows, in the order in which they win. */
  get ranked(): readonly RankedRow[] {
    return this.#ranked;
  }

  /** Returns the number of distinct tenant IDs of this type. */
  tenants(type: TenantType): number {
    return this.#tenants[type].size;
  }

  /** The number of external tenants with a row whose level is not P0, so that a better level exists. */
  get externalBelowBest(): number {
    return this.#externalBelowBest.size;
  }

  /** For the compiler only: in the order priority, ID, before the first match. */
  append(row: RankedRow): void {
    const rank = this.#ranked.push(row) - 1;
    const { pattern, mapping } = row;
    this.#countTenant(mapping);
    switch (pattern.kind) {
      case 'key':
        setFirst(this.#keys, pattern.key, rank);
        return;
      case 'digest':
        this.#firstDigest = Math.min(this.#firstDigest, rank);
        setFirst(this.#digests, pattern.hex, rank);
        return;
      case 'regex':
        this.#scans.push({ rank, matches: key => pattern.regex.test(key) });
        return;
      default:
        this.#appendText(pattern.kind, pattern.text, rank);
    }
  }

  #countTenant({ tenant_id, tenant_type, level, flowId }: Mapping): void {
    if (tenant_id && (tenant_type === 'internal' || tenant_type === 'external'))
      this.#tenants[tenant_type].add(tenant_id);
    if (tenant_type === 'external' && level > 0) this.#externalBelowBest.add(flowId);
  }

  #appendText(kind: 'prefix' | 'suffix' | 'contains', text: string, rank: number): void {
    if (text === '') this.#everything = Math.min(this.#everything, rank);
    else if (kind === 'prefix') this.#prefixes.add(text, rank);
    else if (kind === 'suffix') this.#suffixes.add(text, rank);
    else this.#scans.push({ rank, matches: key => key.includes(text) });
  }

  /** Returns the mapping that wins for this key, or null. */
  match(key: string): Mapping | null {
    const known = this.#recent.get(key);
    return known === undefined ? this.#remember(key) : known;
  }

  #remember(key: string): Mapping | null {
    const older = this.#older.get(key);
    const found = older === undefined ? this.find(key) : older;
    if (this.#recent.size >= rememberedKeys) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, found);
    return found;
  }

  /** Like match, but does not remember the key. */
  find(key: string): Mapping | null {
    let best = Math.min(this.#everything, this.#keys.get(key) ?? Number.POSITIVE_INFINITY);
    if (this.#firstDigest < best)
      best = Math.min(best, this.#digests.get(digestOfKey(key)) ?? Number.POSITIVE_INFINITY);
    best = this.#prefixes.improve(key, best);
    best = this.#suffixes.improve(key, best);
    for (const scan of this.#scans) {
      if (scan.rank >= best) break;
      if (scan.matches(key)) best = scan.rank;
    }
    return this.#ranked[best]?.mapping ?? null;
  }
}

function setFirst(ranks: Map<string, number>, text: string, rank: number): void {
  if (!ranks.has(text)) ranks.set(text, rank);
}
