/**
 * Checks all rows and all known keys for probable mistakes of the operator. Findings of each kind are counted, and kept
 * up to a limit; the work is bounded too, so some rows may stay undecided.
 */

import { type Finding, type FindingKind, type FoundKey, findingKinds } from '../../domain/shown/finding.ts';
import type { CompiledRow, RankedRow } from '../matching/matcher.ts';
import { type ExternalMayRaise, raisingFinding } from './external-may-raise.ts';
import { faulty, keyWithoutPattern, neverWins, patternWithoutKey } from './findings.ts';
import type { Answer } from './key-answer.ts';
import { KeyCoverage, type KnownKey } from './key-coverage.ts';
import { NeverWins, type Verdict } from './never-wins.ts';
import { candidatesOf, overlapOf } from './overlaps.ts';
import type { RowIndex } from './row-index.ts';
import { shownRow } from './shown-row.ts';

export interface Linted {
  readonly findings: readonly (Finding & { readonly ownerRole: string | null })[];
  readonly counts: Record<FindingKind, number>;
  readonly checked: {
    readonly mappings: number;
    readonly usable: number;
    /** Rows of which the search could not decide whether they can ever win. */
    readonly undecided: number;
  };
  readonly keys: { total: number; seen: number; match: number; no_match: number; unknown: number };
}

interface LintParts {
  /** All enabled rows, including the faulty ones. */
  readonly rows: readonly CompiledRow[];
  readonly index: RowIndex;
  readonly keys: readonly KnownKey[];
  /** Whether this share of the total time is over; the rest then stays undecided. */
  readonly isOver: (share: number) => boolean;
}

interface LintAllParts extends LintParts {
  readonly raising: ExternalMayRaise | null;
}

/** The most findings of one kind that are kept. */
const findingsKept = 1_000;

const rowsPerStep = 32;

export function* lint({ rows, index, keys, raising, isOver }: LintAllParts): Generator<void, Linted> {
  const coverage = yield* KeyCoverage.of(keys);
  const found = new Found();
  if (raising !== null) found.add(raisingFinding(raising, index.rows));
  for (const { source, fault } of rows) if (fault !== null) found.add(faulty(shownRow(source), fault));

  const verdicts = yield* verdictsOf(index, coverage, isOver);
  const isHidden = (rank: number) => verdicts[rank]?.kind === 'hidden';
  for (const [rank, row] of index.rows.entries()) {
    const verdict = verdicts[rank];
    if (verdict?.kind === 'hidden') found.add(neverWins(row, rowsAt(index, verdict.by)));
    if (rank % rowsPerStep === 0) yield;
  }
  const candidates = yield* candidatesOf(index.rows);
  for (let rank = 0; rank < index.rows.length && !isOver(0.6); rank++) {
    const overlap = yield* overlapOf(index.rows, rank, isHidden, candidates);
    if (overlap) found.add(overlap);
    yield;
  }
  yield* addPatternsWithoutKey(found, index, coverage, isOver);
  const answers = yield* addKeysWithoutPattern(found, index, coverage, isOver);
  return {
    ...found.taken(),
    checked: {
      mappings: rows.length,
      usable: index.rows.length,
      undecided: verdicts.filter(({ kind }) => kind === 'undecided').length,
    },
    keys: { total: keys.length, seen: keys.filter(({ key }) => key !== null).length, ...answers },
  };
}

const rowsAt = (index: RowIndex, ranks: readonly number[]): RankedRow[] =>
  ranks.map(rank => index.rows[rank]).filter(row => row !== undefined);

function* verdictsOf(index: RowIndex, coverage: KeyCoverage, isOver: LintParts['isOver']): Generator<void, Verdict[]> {
  const never = new NeverWins(index, hex => coverage.byDigest(hex));
  const verdicts: Verdict[] = [];
  for (let rank = 0; rank < index.rows.length; rank++) {
    verdicts.push(isOver(0.4) ? { kind: 'undecided' } : yield* never.of(rank));
    yield;
  }
  return verdicts;
}

function* addPatternsWithoutKey(
  found: Found,
  index: RowIndex,
  coverage: KeyCoverage,
  isOver: LintParts['isOver'],
): Generator<void, void> {
  for (const row of index.rows) {
    const answer: Answer = isOver(0.8) ? 'unknown' : yield* coverage.ofPattern(row.pattern);
    if (answer !== 'match') found.add(patternWithoutKey(row, answer));
    yield;
  }
}

function* addKeysWithoutPattern(
  found: Found,
  index: RowIndex,
  coverage: KeyCoverage,
  isOver: LintParts['isOver'],
): Generator<void, Pick<Linted['keys'], 'match' | 'no_match' | 'unknown'>> {
  const counts = { match: 0, no_match: 0, unknown: 0 };
  for (const known of coverage.keys) {
    const answer: Answer = isOver(1) ? 'unknown' : yield* coverage.ofKey(known, index);
    counts[answer === 'no match' ? 'no_match' : answer]++;
    if (answer !== 'match') found.add(keyWithoutPattern(shownKey(known), answer), known.role);
    yield;
  }
  return counts;
}

const shownKey = ({ keyId, userId, beginning }: KnownKey): FoundKey => ({
  id: keyId,
  user_id: userId,
  key_prefix: beginning,
});

class Found {
  readonly #kept = new Map<string, Linted['findings'][number][]>();
  readonly #counts = Object.fromEntries(findingKinds.map(kind => [kind, 0])) as Record<FindingKind, number>;

  /** Certain and uncertain findings are kept separately, so that neither displaces the other. */
  add(finding: Finding, ownerRole: string | null = null): void {
    const { kind, answer } = finding;
    this.#counts[kind]++;
    const name = `${kind} ${answer}`;
    const kept = this.#kept.get(name) ?? [];
    this.#kept.set(name, kept);
    if (kept.length < findingsKept) kept.push({ ...finding, ownerRole });
  }

  taken(): Pick<Linted, 'findings' | 'counts'> {
    const order = findingKinds.flatMap(kind => [`${kind} null`, `${kind} no match`, `${kind} unknown`]);
    return { findings: order.flatMap(name => this.#kept.get(name) ?? []), counts: this.#counts };
  }
}

/** The most warnings of one write that are kept. */
const warningsKept = 20;

interface LintRowParts extends LintParts {
  /** `keys` is complete; otherwise no finding concerns keys. */
  readonly areKeysAll: boolean;
}

/** Yields the findings about one row, and about rows that it hides, within the time of `isOver`. */
export function* lintRow(id: number, parts: LintRowParts): Generator<void, Finding[]> {
  const { rows, index, keys, areKeysAll, isOver } = parts;
  const faultyRow = rows.find(({ source, fault }) => source.id === id && fault !== null);
  if (faultyRow) return [faulty(shownRow(faultyRow.source), faultyRow.fault ?? '')];
  const rank = index.rows.findIndex(({ mapping }) => mapping.id === id);
  const row = index.rows[rank];
  if (row === undefined) return [];
  const coverage = yield* KeyCoverage.of(keys);
  const never = new NeverWins(index, hex => coverage.byDigest(hex));
  const found: Finding[] = [];

  const verdict = yield* never.of(rank);
  if (verdict.kind === 'hidden') found.push(neverWins(row, rowsAt(index, verdict.by)));
  const answer = yield* coverage.ofPattern(row.pattern);
  if (answer !== 'match' && areKeysAll) found.push(patternWithoutKey(row, answer));
  if (verdict.kind === 'hidden') return found;

  const hidden = yield* hiddenBy(rank, never, parts);
  for (const [later, by] of hidden) found.push(...rowsAt(index, [later]).map(one => neverWins(one, rowsAt(index, by))));
  const overlap = yield* asFarAs(
    isOver,
    overlapOf(index.rows, rank, at => hidden.has(at)),
  );
  if (overlap) found.push(overlap);
  return found;
}

/** Returns null if the time is over before the steps are. */
function* asFarAs<T>(isOver: LintParts['isOver'], steps: Generator<void, T>): Generator<void, T | null> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (isOver(1)) return null;
    yield;
  }
}

/** Finds the rows that this one keeps from winning, alone or with others. */
function* hiddenBy(
  rank: number,
  never: NeverWins,
  { index, isOver }: LintParts,
): Generator<void, Map<number, readonly number[]>> {
  const hidden = new Map<number, readonly number[]>();
  for (let later = rank + 1; later < index.rows.length && hidden.size < warningsKept && !isOver(1); later++) {
    const verdict = index.mayCover(rank, later) ? yield* asFarAs(isOver, never.of(later)) : null;
    if (verdict?.kind === 'hidden' && verdict.by.includes(rank)) hidden.set(later, verdict.by);
    if (later % rowsPerStep === 0) yield;
  }
  return hidden;
}
