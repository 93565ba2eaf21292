/** What a file says of one mapping, checked by the rules that the API has for a new one. */
import { GatewayError } from '../domain/errors.ts';
import { matchTypes, type TenantType } from '../domain/vocabulary.ts';
import { checkedPattern, checkFields } from './mapping-rules.ts';
import type { FileRow } from './plain-yaml.ts';
import { type PortableRow, portableFields } from './portable-row.ts';

export interface RowFault {
  readonly index: number;
  readonly line: number | null;
  readonly field: string | null;
  readonly reason: string;
}

/** A row that can be compared with stored ones; `fault` is why it may not be written where it differs. */
export interface ReadRow {
  readonly place: Pick<FileRow, 'index' | 'line'>;
  readonly row: PortableRow;
  readonly fault: RowFault | null;
}

/** Regexes are compiled to be checked, which takes up to two milliseconds each. */
export function* readRowsSteps(rows: readonly FileRow[]): Generator<void, { read: ReadRow[]; faults: RowFault[] }> {
  const read: ReadRow[] = [];
  const faults: RowFault[] = [];
  for (const { index, line, value } of rows) {
    const faultOf = (field: string | null, reason: string): RowFault => ({ index, line, field, reason });
    const row = shaped(value);
    if ('reason' in row) faults.push(faultOf(row.field, row.reason));
    else read.push({ place: { index, line }, row, fault: ruleFault(row, faultOf) });
    if (index % 64 === 63 || (!('reason' in row) && row.match_type === 'regex')) yield;
  }
  return { read, faults };
}

interface Misshaped {
  readonly field: string | null;
  readonly reason: string;
}

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown) => typeof value === 'string';
const textOrNone = (value: unknown) => value === undefined || value === null || typeof value === 'string';

/** What each field must be to be told apart from others at all; the rules come after that. */
const shapes: Readonly<Record<keyof PortableRow, { readonly is: (value: unknown) => boolean; readonly must: string }>> =
  {
    pattern: { is: text, must: 'a text of 1 to 512 characters' },
    match_type: { is: value => matchTypes.some(type => type === value), must: `one of ${matchTypes.join(', ')}` },
    priority: { is: value => typeof value === 'number', must: 'a whole number from 0 (best) to 9' },
    tenant_id: { is: textOrNone, must: 'a text or null' },
    tenant_name: { is: textOrNone, must: 'a text or null' },
    tenant_type: { is: textOrNone, must: 'internal, external or null' },
    description: { is: textOrNone, must: 'a text or null' },
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

function ruleFault(row: PortableRow, faultOf: (field: string | null, reason: string) => RowFault): RowFault | null {
  const unstorable = portableFields.find(field => typeof row[field] === 'string' && !isStorable(row[field]));
  if (unstorable) return faultOf(unstorable, `${unstorable} must not contain NUL or half a surrogate pair`);
  try {
    checkFields({ ...row, tenant_type: row.tenant_type as TenantType | null });
    checkedPattern(row);
    return null;
  } catch (error) {
    if (error instanceof GatewayError) return faultOf(error.param, error.message);
    throw error;
  }
}

const isStorable = (value: string) => value.isWellFormed() && !value.includes('\0');
