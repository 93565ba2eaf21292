/** A mapping: as it is stored, as it is shown, and as it stands in a file. */
import { type Static, Type } from 'typebox';
import { fields, id, levelNumber, moment, nullable, priority } from './shape.ts';
import { matchTypes } from './vocabulary.ts';

/** A row of api_key_priority_mappings. */
export const mappingRow = fields({
  id,
  pattern: Type.String(),
  priority: levelNumber,
  match_type: Type.Enum([...matchTypes]),
  tenant_id: nullable(Type.String()),
  tenant_name: nullable(Type.String()),
  tenant_type: nullable(Type.String()),
  description: nullable(Type.String()),
  enabled: Type.Boolean(),
  created_at: moment,
  updated_at: moment,
  created_by: nullable(Type.String()),
});

/** The source of the priority in effect. */
export const effectiveSources = ['row', 'schedule', 'boost'] as const;
export type EffectiveSource = (typeof effectiveSources)[number];

/** `fault`: why the row is unusable, null if it is usable. `etag`: its version, for `If-Match`. */
export const shownMapping = fields({
  ...mappingRow.properties,
  fault: nullable(Type.String()),
  etag: Type.String(),
  /** The boost that holds; null once it has ended. */
  boost: nullable(
    fields({
      priority: levelNumber,
      until: moment,
      reason: Type.String(),
      created_by: nullable(Type.String()),
    }),
  ),
  effective_priority: levelNumber,
  effective_source: Type.Enum([...effectiveSources]),
});
export type ShownMapping = Static<typeof shownMapping>;

const { pattern, match_type, tenant_id, tenant_name, tenant_type, description, enabled } = mappingRow.properties;

/** As explain and lint show it. */
export const shownRow = fields({
  id,
  pattern,
  match_type,
  /** The row's own priority. */
  priority,
  /** The priority in effect, which decides which row wins. */
  effective_priority: priority,
  tenant_id,
  tenant_name,
  tenant_type,
});
export type ShownRow = Static<typeof shownRow>;

/** As it stands in a file: what an operator decides, without what one installation adds. */
export const portableRow = fields({
  pattern,
  match_type,
  priority,
  tenant_id,
  tenant_name,
  tenant_type,
  description,
  enabled,
});
export type PortableRow = Static<typeof portableRow>;
