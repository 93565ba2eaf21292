/** Mappings as they stand in a file. */
import type { MappingRow } from '../../db/schema.ts';
import { type PortableRow, portableRow } from '../../domain/mapping.ts';
import { digestOfExact } from '../matching/pattern.ts';

export const portableFields = Object.keys(portableRow.properties) as readonly (keyof PortableRow)[];

/** An exact key is spelled by its hash, whichever way it was written: files travel, keys must not. */
export const portable = (row: PortableRow): PortableRow => ({
  pattern: row.match_type === 'exact' ? `sha256:${digestOfExact(row.pattern)}` : row.pattern,
  match_type: row.match_type,
  priority: row.priority,
  tenant_id: row.tenant_id,
  tenant_name: row.tenant_name,
  tenant_type: row.tenant_type,
  description: row.description,
  enabled: row.enabled,
});

/** Rows of which this is equal are one and the same mapping, in either spelling of an exact key. */
export const identityOf = ({ match_type, pattern }: Pick<MappingRow, 'match_type' | 'pattern'>): string =>
  match_type === 'exact' ? `exact ${digestOfExact(pattern)}` : `text ${pattern}`;

export const isSameRow = (a: PortableRow, b: PortableRow): boolean => {
  const [one, other] = [portable(a), portable(b)];
  return portableFields.every(field => one[field] === other[field]);
};
