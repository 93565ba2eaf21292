import { type Static, Type } from 'typebox';
import { effectiveSources, shownRow } from '../../../domain/mapping.ts';
import { count, field, fields, id, nullable, oneOf, priority } from '../../../domain/shape.ts';
import { finding } from '../../../domain/shown/finding.ts';

import { allLevels, mappingModes, maxKeyBytes, xPriorityPolicies } from '../../../domain/vocabulary.ts';
import { standings } from '../../../priority/priority.ts';
import { mapping, orNull, page } from './contract.ts';
import { asksForModel, explainedRoute } from './route.ts';

export { type Finding, finding } from '../../../domain/shown/finding.ts';

/** The questions and answers of explain and lint. */
const { Optional } = Type;
const { tenant_id, tenant_name, tenant_type } = shownRow.properties;
// HTTP allows no control characters in a header except the tab.
const keyText = Type.String({ pattern: `^[^\\u0000-\\u0008\\u000a-\\u001f\\u007f]{1,${maxKeyBytes}}$` });
export const question = fields({
  key: Optional(field(keyText, `a whole API key: 1 to ${maxKeyBytes} characters, no line break`)),
  key_prefix: Optional(field(keyText, `the beginning of an API key: 1 to ${maxKeyBytes} characters, no line break`)),
  x_priority: Optional(orNull(priority)),
  ...asksForModel,
});
export type AskedQuestion = Static<typeof question>;

const level = Type.Enum([...allLevels]);
const explainedRow = fields({
  ...shownRow.properties,
  effective_source: oneOf(effectiveSources),
  answer: oneOf(['match', 'no match', 'unknown']),
  wins: Type.Boolean(),
  standing: oneOf(standings),
  reason: Type.String(),
});
const given = {
  priority: nullable(level),
  source: nullable(oneOf(['header', 'mapping', 'default'])),
  flow_id: nullable(Type.String()),
};
export const explanation = fields({
  ...given,
  certain: Type.Boolean(),
  winner: nullable(explainedRow),
  possible_winners: Type.Array(id),
  tenant: nullable(fields({ tenant_id, tenant_name, tenant_type })),
  mappings: Type.Array(explainedRow),
  mapping: fields({ enabled: Type.Boolean(), mode: oneOf(mappingModes) }),
  if_enforced: nullable(fields(given)),
  user_id: nullable(id),
  x_priority: fields({
    policy: oneOf(xPriorityPolicies),
    asked: nullable(level),
    allowed: nullable(Type.Array(level)),
    reason: Type.String(),
  }),
  /** Where the question names a model. */
  route: Optional(explainedRoute),
});

export type Explanation = Static<typeof explanation>;
export type ExplainedRow = Static<typeof explainedRow>;

/** `limit`: findings of one kind; all are counted. */
export const lintQuery = fields({ limit: page.limit });
export const lintReport = fields({
  findings: Type.Array(finding),
  counts: fields({
    never_wins: count,
    tenant_overlap: count,
    faulty: count,
    pattern_without_key: count,
    key_without_pattern: count,
    external_may_raise: count,
  }),
  checked: fields({ mappings: count, usable: count, undecided: count }),
  keys: fields({ total: count, seen: count, match: count, no_match: count, unknown: count }),
});
/** The created or changed row, with lint's findings. */
export const writtenMapping = fields({ ...mapping.properties, warnings: Type.Array(finding) });

export type LintReport = Static<typeof lintReport>;
export type WrittenMapping = Static<typeof writtenMapping>;
