/** The findings of lint in mappings and keys. */
import { type Static, Type } from 'typebox';
import { shownRow } from '../mapping.ts';
import { count, fields, id, nullable, oneOf } from '../shape.ts';

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
const foundKey = fields({ id, user_id: id, key_prefix: Type.String() });
export type FoundKey = Static<typeof foundKey>;

export const finding = fields({
  kind: oneOf(findingKinds),
  message: Type.String(),
  mapping: nullable(shownRow),
  /**
   * The rows that hide it, that match some of the same keys, or that are external; only some of them if they are many.
   */
  others: Type.Array(shownRow),
  /** The minimum number of further rows. */
  more: count,
  /** For patterns without keys and keys without patterns: certain, or as far as keys are known. */
  answer: nullable(oneOf(['no match', 'unknown'])),
  key: nullable(foundKey),
});
export type Finding = Static<typeof finding>;
