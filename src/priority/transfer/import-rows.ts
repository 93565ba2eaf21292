/** A mapping of a file, checked by the rules for a new one in the API. */

import { GatewayError } from '../../domain/errors.ts';
import type { PortableRow } from '../../domain/mapping.ts';
import { matchTypes, type TenantType } from '../../domain/vocabulary.ts';
import { weightOf } from '../matching/regex-room.ts';
import { checkedPattern, checkFields } from '../rows/mapping-rules.ts';
import type { FileRow } from './plain-yaml.ts';
import { portableFields } from './portable-row.ts';
import type { RowFault } from './row-faults.ts';

/** A row that can be compared with stored ones; `fault` is why it may not be written where it differs. */
export interface ReadRow {
  readonly place: Pick<FileRow, 'index' | 'line'>;
  readonly row: PortableRow;
  readonly fault: RowFault | null;
  /** The weight of a regex; else 0. */
  readonly weight: number;
}

/** A fault where it cannot even be compared. */
export function readRow({ index, line, value }: FileRow): ReadRow | RowFault {
  const faultOf = (field: string | null, reason: string): RowFault => ({ index, line, field, reason });
  const row = shaped(value);
  if ('reason' in row) return faultOf(row.field, row.reason);
  return { place: { index, line }, row, ...checked(row, faultOf) };
}

interface Misshaped {
  readonly field: string | null;
  readonly reason: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The limit of one value; rows written by hand may exceed the rules, and are exported unchanged. */
const longestText = 65_536;

const text = (value: unknown) => typeof value === 'string' && value.length <= longestText;
const textOrNone = (value: unknown) => value === undefined || value === null || text(value);

/** The basic types of fields, checked before the rules. */
const shapes: Readonly<Record<keyof PortableRow, { readonly is: (value: unknown) => boolean; readonly must: string }>> =
  {
    pattern: { is: text, must: 'a text of 1 to 512 characters' },
    match_type: { is: value => matchTypes.some(type => type === value), must: `one of ${matchTypes.join(', ')}` },
    priority: { is: value => typeof value === 'number', must: 'a whole number from 0 (best) to 9' },
    tenant_id: { is: textOrNone, must: `a text of at most ${longestText} characters, or null` },
    tenant_name: { is: textOrNone, must: `a text of at most ${longestText} characters, or null` },
    tenant_type: { is: textOrNone, must: 'internal, external or null' },
    description: { is: textOrNone, must: `a text of at most ${longestText} characters, or null` },
    enabled: { is: value => value === undefined || typeof value === 'boolean', must: 'true or false' },
  };

function shaped(value: unknown): PortableRow | Misshaped {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { field: null, reason: 'a mapping is a set of fields' };
  const fields = value as Fields;
  const unknown = Object.keys(fields).find(name => !portableFields.some(field => field === name));
  if (unknown !== undefined)
    return { field: unknown.slice(0, 40), reason: `there is no such field; allowed are ${portableFields.join(', ')}` };
  const wrong = portableFields.find(field => !shapes[field].is(fields[field]));
  if (wrong !== undefined) {
    const isMissing = fields[wrong] === undefined;
    return { field: wrong, reason: `${wrong} ${isMissing ? 'is missing: it ' : ''}must be ${shapes[wrong].must}` };
  }
  // A file says all of a row: what it leaves out is as in a new one.
  const { tenant_id = null, tenant_name = null, tenant_type = null, description = null, enabled = true } = fields;
  return { ...fields, tenant_id, tenant_name, tenant_type, description, enabled } as unknown as PortableRow;
}

function checked(
  row: PortableRow,
  faultOf: (field: string | null, reason: string) => RowFault,
): Pick<ReadRow, 'fault' | 'weight'> {
  const unstorable = portableFields.find(field => typeof row[field] === 'string' && !isStorable(row[field]));
  if (unstorable)
    return { fault: faultOf(unstorable, `${unstorable} must not contain NUL or half a surrogate pair`), weight: 0 };
  try {
    checkFields({ ...row, tenant_type: row.tenant_type as TenantType | null });
    return { fault: null, weight: weightOf(checkedPattern(row)) };
  } catch (error) {
    if (error instanceof GatewayError) return { fault: faultOf(error.param, error.message), weight: 0 };
    throw error;
  }
}

const isStorable = (value: string) => value.isWellFormed() && !value.includes('\0');
