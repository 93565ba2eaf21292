import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { errors, type GatewayError } from '../../domain/errors.ts';

/** The parts of a contract schema that are read: an object of fields, each with a description of its values. */
type ObjectSchema = TSchema & {
  readonly properties: Record<string, TSchema & { readonly type?: string; readonly description?: string }>;
  readonly required?: readonly string[];
};
type Fields = Record<string, unknown>;

const namesShown = 5;

/**
 * Checks a body or query against the contract. Nothing is stripped, filled in or converted, but
 * for the numbers and booleans of a query, which arrive as text. A refusal names every field at
 * fault, what it must be and what it was; `param` is the first of them.
 */
export const checkAgainstContract: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema);
  const contract = schema as ObjectSchema;
  return (presented: unknown) => {
    const value = httpPart === 'querystring' ? convertQuery(contract, presented as Fields) : presented;
    if (!isObject(value)) return { error: errors.invalidRequest('Send the fields as one JSON object.') };
    if (!compiled.Check(value)) return { error: refusal(contract, value, compiled.Errors(value), httpPart) };
    const unstorable = Object.keys(value).find(name => !isStorable(value[name]));
    if (unstorable !== undefined) {
      return {
        error: errors.invalidRequest(`${unstorable} must not contain NUL or half a surrogate pair.`, unstorable),
      };
    }
    return { value };
  };
};

/** The number of a path such as `/mappings/5`; `what` is the row's name in the refusal. */
export function rowIdOf(params: unknown, what: string): number {
  const { id } = params as { id: string };
  if (!/^-?\d+$/.test(id)) throw errors.invalidRequest('id must be a whole number.', 'id');
  const number = Number(id);
  if (number < 1 || number >= 2 ** 31) throw errors.notFound(`There is no ${what} ${id.slice(0, 20)}.`);
  return number;
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function convertQuery({ properties }: ObjectSchema, query: Fields): Fields {
  const entries = Object.entries(query).map(([name, value]) => [name, converted(properties[name]?.type, value)]);
  return Object.fromEntries(entries);
}

function converted(type: string | undefined, value: unknown): unknown {
  if (type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}

function refusal(
  { properties, required = [] }: ObjectSchema,
  value: Fields,
  found: readonly { instancePath: string }[],
  httpPart: string | undefined,
): GatewayError {
  const faulty = new Set(found.map(({ instancePath }) => instancePath.split('/')[1]));
  const sentences = Object.keys(properties).flatMap(name => {
    if (!(name in value))
      return required.includes(name) ? [{ name, text: `${name} is missing: it must be ${what(name)}` }] : [];
    return faulty.has(name) ? [{ name, text: `${name} must be ${what(name)}, not ${shown(value[name])}` }] : [];
  });
  const unknown = Object.keys(value).filter(name => !Object.hasOwn(properties, name));
  if (unknown.length > 0)
    sentences.push({ name: clipped(unknown[0] ?? ''), text: unknownFields(unknown, properties, httpPart) });
  return errors.invalidRequest(`${sentences.map(({ text }) => text).join('; ')}.`, sentences[0]?.name);

  function what(name: string): string {
    return properties[name]?.description ?? 'valid';
  }
}

function unknownFields(
  unknown: string[],
  properties: ObjectSchema['properties'],
  httpPart: string | undefined,
): string {
  const names = unknown.slice(0, namesShown).map(name => `'${clipped(name)}'`);
  const kind = httpPart === 'querystring' ? 'query parameter' : 'field';
  const known = Object.keys(properties);
  const allowed = known.length > 0 ? `allowed are ${known.join(', ')}` : 'none is allowed here';
  return `unknown ${kind}${unknown.length > 1 ? 's' : ''} ${names.join(', ')}; ${allowed}`;
}

/** Describes the actual value without repeating a text: it may be a key, and clients log refusals. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : `a text of ${value.length} characters`;
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

const clipped = (name: string): string => (name.length > 40 ? `${name.slice(0, 40)}…` : name);

/** PostgreSQL stores no NUL, and UTF-8 has no lone surrogates. */
const isStorable = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.every(isStorable);
  return typeof value !== 'string' || (value.isWellFormed() && !value.includes('\0'));
};
