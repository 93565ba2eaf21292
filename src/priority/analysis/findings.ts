/** The findings of lint and their texts. */

import type { ShownRow } from '../../domain/mapping.ts';
import type { Finding, FindingKind, FoundKey } from '../../domain/shown/finding.ts';
import type { RankedRow } from '../matching/matcher.ts';
import { shownRow } from './shown-row.ts';

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
