/** The findings of lint and their texts. */
import type { RankedRow } from '../matching/matcher.ts';
import { type ShownRow, shownRow } from './shown-row.ts';

export const findingKinds = [
  'never_wins',
  'tenant_overlap',
  'faulty',
  'pattern_without_key',
  'key_without_pattern',
  'external_may_raise',
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** The stored parts of a key. */
export interface FoundKey {
  readonly id: number;
  readonly user_id: number;
  readonly key_prefix: string;
}

export interface Finding {
  readonly kind: FindingKind;
  readonly message: string;
  readonly mapping: ShownRow | null;
  /**
   * The rows that hide it, that match some of the same keys, or that are external; only some of them if they are many.
   */
  readonly others: ShownRow[];
  /** The minimum number of further rows. */
  readonly more: number;
  /** For patterns without keys and keys without patterns: certain, or as far as keys are known. */
  readonly answer: 'no match' | 'unknown' | null;
  readonly key: FoundKey | null;
}

const named = ({ pattern, effective_priority }: ShownRow) => `\`${pattern}\` P${effective_priority}`;
const ofTenant = (row: ShownRow) => `${named(row)} of tenant '${row.tenant_id}'`;

export const finding = (kind: FindingKind, message: string, rest: Partial<Finding> = {}): Finding => ({
  kind,
  message,
  mapping: null,
  others: [],
  more: 0,
  answer: null,
  key: null,
  ...rest,
});

export function neverWins({ mapping }: RankedRow, by: readonly RankedRow[]): Finding {
  const row = shownRow(mapping);
  const others = by.map(one => shownRow(one.mapping));
  return finding('never_wins', `${named(row)} never wins: ${whyNever(others)}`, { mapping: row, others });
}

function whyNever(others: readonly ShownRow[]): string {
  const [first] = others;
  if (first === undefined) return 'no key can match it';
  if (others.length === 1) return `${named(first)} matches every key it matches`;
  return `${listed(others.map(named))} together match every key it matches`;
}

const listed = (names: readonly string[]) => `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** `others` win over the row, or lose to it. */
export function tenantOverlap(
  { mapping }: RankedRow,
  others: readonly { readonly row: RankedRow; readonly wins: boolean }[],
  more: number,
): Finding {
  const row = shownRow(mapping);
  const said = others.map(({ row: other, wins }) => {
    const name = ofTenant(shownRow(other.mapping));
    return wins ? `${name} wins them` : `it wins them over ${name}`;
  });
  const rest = more > 0 ? `, and at least ${more} more` : '';
  return finding(
    'tenant_overlap',
    `${ofTenant(row)} matches keys that mappings of other tenants match too: ${said.join('; ')}${rest}`,
    { mapping: row, others: others.map(other => shownRow(other.row.mapping)), more },
  );
}

export const faulty = (row: ShownRow, fault: string): Finding =>
  finding('faulty', `Mapping ${row.id} cannot be used: ${fault}`, { mapping: row });

export function patternWithoutKey({ mapping }: RankedRow, answer: 'no match' | 'unknown'): Finding {
  const row = shownRow(mapping);
  const message =
    answer === 'no match'
      ? `${named(row)} matches no known key`
      : `${named(row)} matches no key as far as keys are known: those not seen since the start are known by their beginning`;
  return finding('pattern_without_key', message, { mapping: row, answer });
}

export function keyWithoutPattern(key: FoundKey, answer: 'no match' | 'unknown'): Finding {
  const name = `Key ${key.id} (${key.key_prefix}...)`;
  const message =
    answer === 'no match'
      ? `${name} is matched by no pattern`
      : `${name} may be matched by no pattern: it was not seen since the start, and its beginning does not tell`;
  return finding('key_without_pattern', message, { key, answer });
}
