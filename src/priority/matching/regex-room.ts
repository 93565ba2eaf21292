/**
 * Decides which regexes are used: the first in the order priority, ID, until their weights reach a bound. A new key is
 * compared with each of them, so its cost is bounded whatever rows are written by hand; the least important rows are
 * left out.
 */
import { errors } from '../../domain/errors.ts';
import { byPriority } from './by-priority.ts';
import { type FaultyPattern, type Pattern, parsePattern } from './pattern.ts';

/** A regex that begins below the bound is still admitted. */
export const regexRoom = 3_000_000;

const noRoom: FaultyPattern = {
  kind: 'faulty',
  fault: `there is no room for it: the enabled regexes before it, by priority and id, weigh ${regexRoom} together, the most that can serve`,
};

interface RegexRow {
  readonly id: number;
  readonly pattern: string;
  readonly priority: number;
}

type Known = (row: RegexRow) => Pattern | FaultyPattern | undefined;

/** Rows per step; a new regex ends a step too. */
const rowsPerStep = 256;

/**
 * Returns the pattern of each row by its ID. `rows` come in order of ID; `known` returns the earlier pattern of a row.
 */
export function* regexesInRoom(
  rows: readonly RegexRow[],
  known: Known,
): Generator<void, ReadonlyMap<number, Pattern | FaultyPattern>> {
  const patterns = new Map<number, Pattern | FaultyPattern>();
  let weight = 0;
  for (const row of yield* byPriority(rows)) {
    const before = known(row);
    const isNew = before === undefined || before === noRoom;
    const pattern = weight >= regexRoom ? noRoom : isNew ? parsePattern('regex', row.pattern) : before;
    weight += weightOf(pattern);
    patterns.set(row.id, pattern);
    if (pattern !== noRoom && isNew) yield;
    else if (patterns.size % rowsPerStep === 0) yield;
  }
  return patterns;
}

export const weightOf = (pattern: Pattern | FaultyPattern): number =>
  pattern.kind === 'regex' ? pattern.regex.weight : 0;

export const weightIn = (rows: readonly { readonly pattern: Pattern | FaultyPattern }[]): number =>
  rows.reduce((sum, { pattern }) => sum + weightOf(pattern), 0);

/** Throws `invalid_request` if regexes of this weight would not fit beside the others. */
export function refuseWithoutRoom(weight: number, others: number): void {
  if (weight === 0 || weight + others <= regexRoom) return;
  const figures = `it weighs ${weight}, the other enabled regexes ${others}, and ${regexRoom} together can serve`;
  throw errors.invalidRequest(`pattern: there is no room for this regex: ${figures}`, 'pattern');
}
