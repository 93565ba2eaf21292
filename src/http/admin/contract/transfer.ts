/** The shapes of dry runs and files, beside those of a single mapping. */
import { Type } from 'typebox';
import { portableRow } from '../../../domain/mapping.ts';
import { field, fields, listOf } from '../../../domain/shape.ts';

export { type Impact, type Imported, impact, imported, type Tried, tried } from '../../../domain/shown/impact.ts';

const { Optional } = Type;
const flag = field(Type.Boolean(), 'true or false');

export const dryRunQuery = fields({ dry_run: Optional(flag) });
export const importQuery = fields({ dry_run: Optional(flag), prune: Optional(flag) });
export const exported = fields({ mappings: listOf(portableRow) });
