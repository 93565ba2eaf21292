/** The rules for a mapping in a request; throws `invalid_request` with the field. */
import type { MappingRow } from '../../db/schema.ts';
import { errors } from '../../domain/errors.ts';
import { isLevel, type MatchType, type TenantType, tenantTypes } from '../../domain/vocabulary.ts';
import { isPrintable, type Pattern, parsePattern } from '../matching/pattern.ts';

interface MappingFields {
  readonly pattern: string;
  readonly priority: number;
  readonly match_type: MatchType;
  readonly tenant_id?: string | null | undefined;
  readonly tenant_name?: string | null | undefined;
  readonly tenant_type?: TenantType | null | undefined;
  readonly description?: string | null | undefined;
  readonly enabled?: boolean | undefined;
}

export type NewMapping = MappingFields;
/** A field that is absent stays; null clears the tenant fields and the description. */
export type MappingPatch = { readonly [Field in keyof MappingFields]?: MappingFields[Field] | undefined };

/** In characters; a pattern's is in matching/pattern.ts. */
export const maxNameLength = 255;
export const maxDescriptionLength = 2_000;

/** Checks what a new mapping or a patch says, without regard to the row it is for. */
export function checkFields(fields: MappingPatch): void {
  const { priority, tenant_id, tenant_name, tenant_type, description } = fields;
  if (priority !== undefined && !isLevel(priority))
    throw errors.invalidRequest('priority must be a whole number from 0 (best) to 9', 'priority');
  if (tenant_type && !tenantTypes.includes(tenant_type))
    throw errors.invalidRequest(`tenant_type must be ${tenantTypes.join(' or ')}, or null`, 'tenant_type');
  checkName('tenant_id', tenant_id);
  checkName('tenant_name', tenant_name);
  if (description && (description.length > maxDescriptionLength || description.includes('\0')))
    throw errors.invalidRequest(`description has at most ${maxDescriptionLength} characters and no NUL`, 'description');
}

function checkName(param: string, name: string | null | undefined): void {
  if (name === '') throw errors.invalidRequest(`${param} must not be empty; null clears it`, param);
  if (name && (name.length > maxNameLength || !isPrintable(name)))
    throw errors.invalidRequest(`${param} has at most ${maxNameLength} characters and no control characters`, param);
}

export function checkedPattern({ match_type, pattern }: Pick<MappingRow, 'match_type' | 'pattern'>): Pattern {
  const parsed = parsePattern(match_type, pattern);
  if (parsed.kind === 'faulty') throw errors.invalidRequest(`pattern: ${parsed.fault}`, 'pattern');
  return parsed;
}
