/** Mappings and keys like an operator's, equal in every run. */
import { createHash } from 'node:crypto';
import type { MatchType } from '../../src/domain/vocabulary.ts';
import type { MappingSource } from '../../src/priority/matching/matcher.ts';

const text = (seed: string) => createHash('sha256').update(seed).digest('base64url');

/** A key of the gateway's usual length that begins with a tenant's fixed part; the same index gives the same key. */
export const randomKey = (index: number): string =>
  `tok_${text(`tenant ${index % 10_000}`).slice(0, 8)}_${text(`key ${index}`)}`.slice(0, 47);

// 80 % prefix, 10 exact, 5 suffix, 4 contains, 1 regex.
const typeOf = (index: number): MatchType => {
  const percent = index % 100;
  if (percent < 80) return 'prefix';
  if (percent < 90) return 'exact';
  if (percent < 95) return 'suffix';
  return percent < 99 ? 'contains' : 'regex';
};

function patternOf(matchType: MatchType, index: number): string {
  const tenant = text(`tenant ${index}`).slice(0, 8);
  switch (matchType) {
    case 'prefix':
      return `tok_${tenant}*`;
    case 'exact':
      return `sha256:${createHash('sha256').update(randomKey(index)).digest('hex')}`;
    case 'suffix':
      return `*${tenant}`;
    case 'contains':
      return `*_${tenant}_*`;
    case 'regex':
      return `^tok_${tenant}_[a-z0-9]{8,40}$`;
    default:
      return matchType satisfies never;
  }
}

/** Returns `count` rows with ten priorities, all of one type if one is given. */
export function mappingMix(count: number, only?: MatchType): MappingSource[] {
  return Array.from({ length: count }, (_, index) => {
    const matchType = only ?? typeOf(index);
    return {
      id: index + 1,
      pattern: patternOf(matchType, index),
      match_type: matchType,
      priority: index % 10,
      tenant_id: `tenant-${index}`,
      tenant_name: `Tenant ${index}`,
      tenant_type: index % 2 === 0 ? 'internal' : 'external',
    };
  });
}
