/** The shapes of dry runs and files, beside those of a single mapping. */
import { type Static, Type } from 'typebox';
import { mappingRow } from '../../../db/schema.ts';
import { count, fields, listOf, moment, nullable } from '../../../domain/shape.ts';
import { policies, shareBys } from '../../../domain/vocabulary.ts';
import { field, mapping, priority } from './contract.ts';
import { finding } from './inspect-contract.ts';

const { Optional } = Type;
const flag = field(Type.Boolean(), 'true or false');

export const dryRunQuery = fields({ dry_run: Optional(flag) });
export const importQuery = fields({ dry_run: Optional(flag), prune: Optional(flag) });

const levelMove = { from: priority, to: priority, count };
const tenant = nullable(Type.String());
/** `unknown`: the whole key is not in memory. `tenants_left_out`: moves beyond the thousand most frequent. */
const figures = {
  total: count,
  changed: count,
  unchanged: count,
  unknown: count,
  levels: listOf(fields(levelMove)),
  tenants: listOf(fields({ ...levelMove, from_tenant: tenant, to_tenant: tenant })),
  tenants_left_out: count,
};
const standing = nullable(
  fields({
    flow_id: Type.String(),
    level: priority,
    /** Of what the levels before it leave; null: its level is strict and takes everything it asks for. */
    share: nullable(Type.Number({ minimum: 0, maximum: 1 })),
    /** Strict levels with active tenants that are served before. */
    behind: listOf(priority),
  }),
);
const poolShares = fields({
  pool: Type.String(),
  policy: Type.Enum([...policies]),
  share_by: Type.Enum([...shareBys]),
  tenants: listOf(fields({ before: standing, after: standing })),
  tenants_left_out: count,
});
/** The effect of a change if mappings were enforced; `mapping` is their present state. */
export const impact = fields({
  mapping: Type.Enum(['enforced', 'shadow', 'off']),
  keys: fields(figures),
  requests: fields({ since: moment, ...figures }),
  shares: listOf(poolShares),
  shares_left_out: count,
});

const { id, created_at, updated_at, etag, ...shown } = mapping.properties;
/** The row as it would be; of a deletion, as it is. What only a stored row has is null. */
export const tried = fields({
  dry_run: Type.Literal(true),
  mapping: fields({
    ...shown,
    id: nullable(id),
    created_at: nullable(created_at),
    updated_at: nullable(updated_at),
    etag: nullable(etag),
  }),
  impact,
  /** Lint's findings about the row; none for a deletion. */
  warnings: listOf(finding),
});

const { pattern, match_type, tenant_id, tenant_name, tenant_type, description, enabled } = mappingRow.properties;
const portableRow = fields({
  pattern,
  match_type,
  priority,
  tenant_id,
  tenant_name,
  tenant_type,
  description,
  enabled,
});
export const exported = fields({ mappings: listOf(portableRow) });

const change = fields({
  action: Type.Enum(['create', 'update', 'delete']),
  id: nullable(mappingRow.properties.id),
  before: nullable(portableRow),
  after: nullable(portableRow),
});
/** `impact` only of a dry run; `changes_left_out`: those beyond the first thousand. */
export const imported = fields({
  success: Type.Literal(true),
  dry_run: Type.Boolean(),
  created: count,
  updated: count,
  deleted: count,
  unchanged: count,
  changes: listOf(change),
  changes_left_out: count,
  impact: Optional(impact),
});

export type Impact = Static<typeof impact>;
export type Tried = Static<typeof tried>;
export type Imported = Static<typeof imported>;
