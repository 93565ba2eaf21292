/** The effect of a change of mappings, and the answers of dry runs and imports, which tell of it. */
import { type Static, Type } from 'typebox';
import { portableRow, shownMapping } from '../mapping.ts';
import { count, fields, id, listOf, moment, nullable, priority } from '../shape.ts';
import { policies, shareBys } from '../vocabulary.ts';
import { finding } from './finding.ts';

const levelMove = fields({ from: priority, to: priority, count });
export type LevelMove = Static<typeof levelMove>;

/** Null: no mapping matches, or the matching one names no tenant. */
const tenant = nullable(Type.String());
const tenantMove = fields({ ...levelMove.properties, from_tenant: tenant, to_tenant: tenant });
export type TenantMove = Static<typeof tenantMove>;

const figures = fields({
  total: count,
  /** The level or the flow would change. */
  changed: count,
  unchanged: count,
  /** The whole key is not in memory, so the result is unknown. */
  unknown: count,
  levels: listOf(levelMove),
  /** The thousand most frequent. */
  tenants: listOf(tenantMove),
  tenants_left_out: count,
});
export type Figures = Static<typeof figures>;

const flowStanding = fields({
  flow_id: Type.String(),
  level: priority,
  /** Of what the levels before it leave; null: its level is strict and takes everything it asks for. */
  share: nullable(Type.Number({ minimum: 0, maximum: 1 })),
  /** Strict levels with active tenants that are served before. */
  behind: listOf(priority),
});
export type FlowStanding = Static<typeof flowStanding>;

/** Null: there is no such flow then. */
const shareChange = fields({ before: nullable(flowStanding), after: nullable(flowStanding) });
export type ShareChange = Static<typeof shareChange>;

const poolShareChanges = fields({
  pool: Type.String(),
  policy: Type.Enum([...policies]),
  share_by: Type.Enum([...shareBys]),
  /** Moved tenants first, then those with the largest change of share. */
  tenants: listOf(shareChange),
  tenants_left_out: count,
});
export type PoolShareChanges = Static<typeof poolShareChanges>;

/** The effect of a change if mappings were enforced; `mapping` is their present state. */
export const impact = fields({
  mapping: Type.Enum(['enforced', 'shadow', 'off']),
  keys: figures,
  requests: fields({ since: moment, ...figures.properties }),
  /** The pools in which a tenant moves: the share of each recently active tenant. */
  shares: listOf(poolShareChanges),
  shares_left_out: count,
});
export type Impact = Static<typeof impact>;

const { id: shownId, created_at, updated_at, etag, ...shown } = shownMapping.properties;
export const tried = fields({
  dry_run: Type.Literal(true),
  /** The row as it would be; of a deletion, as it is. What only a stored row has is null. */
  mapping: fields({
    ...shown,
    id: nullable(shownId),
    created_at: nullable(created_at),
    updated_at: nullable(updated_at),
    etag: nullable(etag),
  }),
  impact,
  /** Lint's findings about the row; none for a deletion. */
  warnings: listOf(finding),
});
export type Tried = Static<typeof tried>;

const importChange = fields({
  action: Type.Enum(['create', 'update', 'delete']),
  /** Null before there is a row. */
  id: nullable(id),
  before: nullable(portableRow),
  after: nullable(portableRow),
});
export type ImportChange = Static<typeof importChange>;

/** `impact` only of a dry run; `changes_left_out`: those beyond the first thousand. */
export const imported = fields({
  success: Type.Literal(true),
  dry_run: Type.Boolean(),
  created: count,
  updated: count,
  deleted: count,
  unchanged: count,
  changes: listOf(importChange),
  changes_left_out: count,
  impact: Type.Optional(impact),
});
export type Imported = Static<typeof imported>;
