import { Anchor, Text } from '@mantine/core';
import { Link } from 'wouter';
import type { ExplainedRow } from '../../api/explain.ts';

const shownChars = 16;

/** An exact pattern may be a whole key, so it is shortened, and stands in no address. */
function shownPattern({ pattern, match_type }: Pick<ExplainedRow, 'pattern' | 'match_type'>): string {
  if (match_type !== 'exact' || pattern.length <= shownChars) return pattern;
  return `${pattern.slice(0, shownChars)}…`;
}

/** A link to a mapping in the list, labelled with its pattern. */
export function MappingLink({ row }: { readonly row: ExplainedRow }) {
  const search = row.match_type === 'exact' ? row.tenant_id : row.pattern;
  const text = shownPattern(row);
  if (search === null) {
    return (
      <Text span className="mono" style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Text>
    );
  }
  return (
    <Anchor
      component={Link}
      href={`/mappings?q=${encodeURIComponent(search)}`}
      className="mono"
      style={{ overflowWrap: 'anywhere' }}
    >
      {text}
    </Anchor>
  );
}
