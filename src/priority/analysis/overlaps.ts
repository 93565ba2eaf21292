/**
 * Rows of different tenants that match some of the same keys, where neither hides the other. A pair is
 * reported at one of its rows, so that a row which overlaps nearly all others makes one finding, not thousands:
 *
 *   one text within the other      the wider row
 *   prefix, suffix                 the suffix       two contains, two regexes    the one that loses
 *   contains with another text     the contains     a regex with another         the regex
 */

import type { Finding } from '../../domain/shown/finding.ts';
import type { RankedRow } from '../matching/matcher.ts';
import type { Pattern } from '../matching/pattern.ts';
import { type Automaton, automatonOf, dead, full, literalBeginning } from './automaton.ts';
import { keyOutside, maxKeyLength } from './cover.ts';
import { tenantOverlap } from './findings.ts';
import { matchesKey } from './key-answer.ts';
import { firstNotBefore, sortedInSteps } from './sorted-texts.ts';

/** The most rows named in a finding; the others are counted. */
const namedOthers = 5;
/** The effort for one pair with a regex. */
const effortPerPair = 1_000;
/** The most other regexes that a regex is compared with; overlaps beyond are not counted. */
const pairsPerRegex = 20;
const rowsPerStep = 256;

/** Returns null if the row at `rank` has no finding. Rows that can never win are omitted. */
export function* overlapOf(
  rows: readonly RankedRow[],
  rank: number,
  isHidden: (rank: number) => boolean,
  candidates: Candidates = () => rows.keys(),
): Generator<void, Finding | null> {
  const own = rows[rank];
  if (!own?.mapping.tenant_id || isExact(own.pattern) || isHidden(rank)) return null;
  const others: { row: RankedRow; wins: boolean }[] = [];
  let met = 0;
  let pairs = 0;
  let looked = 0;
  const meets = meeting(own.pattern);
  for (const at of candidates(own.pattern)) {
    if (++looked % rowsPerStep === 0) yield;
    const row = rows[at];
    const tenant_id = row?.mapping.tenant_id;
    if (!row || !tenant_id || tenant_id === own.mapping.tenant_id || isHidden(at)) continue;
    if (pairs >= pairsPerRegex) break;
    const verdict = meets(row.pattern, at < rank);
    if (verdict === false) continue;
    if (typeof verdict === 'object') {
      pairs++;
      if (!(yield* haveCommonKey(verdict.pair))) continue;
    }
    met++;
    if (others.length < namedOthers) others.push({ row, wins: at < rank });
  }
  return met === 0 ? null : tenantOverlap(own, others, met - others.length);
}

/** Returns the ranks of the rows that may overlap a row with this pattern, in order. */
export type Candidates = (pattern: Pattern) => Iterable<number>;

/** Skips, for a prefix, all rows with another beginning, because there may be thousands of prefixes. */
export function* candidatesOf(rows: readonly RankedRow[]): Generator<void, Candidates> {
  const texts: string[] = [];
  const ranks = new Map<string, number[]>();
  for (const [rank, { pattern }] of rows.entries()) {
    if (rank % rowsPerStep === rowsPerStep - 1) yield;
    const text = pattern.kind === 'key' ? pattern.key : pattern.kind === 'prefix' ? pattern.text : null;
    if (text === null) continue;
    const same = ranks.get(text);
    if (same) same.push(rank);
    else {
      ranks.set(text, [rank]);
      texts.push(text);
    }
  }
  const sorted = yield* sortedInSteps(texts);
  return pattern => {
    if (pattern.kind !== 'prefix' || pattern.text === '') return rows.keys();
    const found: number[] = [];
    for (let at = firstNotBefore(sorted, pattern.text); sorted[at]?.startsWith(pattern.text); at++)
      found.push(...(ranks.get(sorted[at] ?? '') ?? []));
    return found.sort((a, b) => a - b);
  };
}

const isExact = ({ kind }: Pattern) => kind === 'key' || kind === 'digest';

type TextPattern = Extract<Pattern, { text: string }>;
type Meeting = boolean | { readonly pair: readonly [Automaton, Automaton] };

/** Whether another row, `isBefore` this one, shares keys with it and the finding is reported at this one. */
function meeting(own: Pattern): (other: Pattern, isBefore: boolean) => Meeting {
  switch (own.kind) {
    case 'prefix':
    case 'suffix':
    case 'contains':
      return own.text === '' ? (_other, isBefore) => isBefore : meetingOfText(own);
    case 'regex':
      return meetingOfRegex(own);
    default:
      return () => false;
  }
}

function meetingOfText(own: TextPattern): (other: Pattern, isBefore: boolean) => Meeting {
  const { kind, text } = own;
  return (other, isBefore) => {
    if (other.kind === 'key') return isBefore && matchesKey(own, other.key);
    if (!('text' in other) || other.text === '') return false;
    if ((kind === other.kind || kind === 'contains') && isWithin(text, other)) return isBefore;
    if (kind === other.kind && isWithin(other.text, own)) return false;
    const canMeet = other.text.length + text.length <= maxKeyLength;
    if (kind === 'contains') return canMeet && (other.kind !== 'contains' || isBefore);
    return canMeet && kind === 'suffix' && other.kind === 'prefix';

    function isWithin(inner: string, outer: TextPattern): boolean {
      if (kind === 'prefix') return outer.text.startsWith(inner);
      return kind === 'suffix' ? outer.text.endsWith(inner) : outer.text.includes(inner);
    }
  };
}

function meetingOfRegex(own: Extract<Pattern, { kind: 'regex' }>): (other: Pattern, isBefore: boolean) => Meeting {
  const beginning = literalBeginning(own.regex);
  const automaton = automatonOf(own);
  return (other, isBefore) => {
    if (other.kind === 'key') return isBefore && own.regex.test(other.key);
    if (other.kind === 'regex' && !isBefore) return false;
    if (other.kind === 'prefix' && !(other.text.startsWith(beginning) || beginning.startsWith(other.text)))
      return false;
    const partner = automatonOf(other);
    return automaton !== null && partner !== null && { pair: [automaton, partner] };
  };
}

/** Undecided counts as no: only certain overlaps are reported. */
function* haveCommonKey([a, b]: readonly [Automaton, Automaton]): Generator<void, boolean> {
  const key = yield* keyOutside(both(a, b), [], 0xe0, { left: effortPerPair });
  return typeof key === 'string';
}

/** Matches the intersection; its states are pairs, numbered as they are reached. */
function both(a: Automaton, b: Automaton): Automaton {
  const pairs: [number, number][] = [];
  const ids = new Map<string, number>();
  const idOf = (left: number, right: number): number => {
    if (left === dead || right === dead) return dead;
    if (left === full && right === full) return full;
    const name = `${left} ${right}`;
    const known = ids.get(name);
    if (known !== undefined) return known;
    const id = full + pairs.push([left, right]);
    ids.set(name, id);
    return id;
  };
  const at = (state: number) => pairs[state - full - 1];
  return {
    start: idOf(a.start, b.start),
    next(state, character) {
      const [left, right] = at(state) ?? [];
      if (left === undefined || right === undefined) return state;
      return idOf(a.next(left, character), b.next(right, character));
    },
    accepts(state) {
      const [left, right] = at(state) ?? [];
      if (left === undefined || right === undefined) return state === full;
      return a.accepts(left) && b.accepts(right);
    },
    cost: a.cost + b.cost,
    sets: [...a.sets, ...b.sets],
  };
}
