/** The shape of stored and returned data, written once as a schema, from which its type derives. */
import { type TProperties, type TSchema, Type } from 'typebox';
import { levelCount } from './vocabulary.ts';

/** An object with these fields and no others. */
export const fields = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A list that does not change after it is returned. */
export const listOf = <T extends TSchema>(schema: T, bounds: { minItems?: number; maxItems?: number } = {}) =>
  Type.Immutable(Type.Array(schema, bounds));

/** One schema for each of these keys. */
export const ofEach = <Key extends string, T extends TSchema>(
  keys: Readonly<Record<Key, unknown>>,
  schema: (key: Key) => T,
): Record<Key, T> => Object.fromEntries((Object.keys(keys) as Key[]).map(key => [key, schema(key)])) as Record<Key, T>;

/** A description is the rest of the sentence "FIELD must be …", so it is also what a refusal says. */
export const field = <T extends TSchema>(schema: T, description: string): T => ({ ...schema, description });

export const oneOf = <const T extends string>(values: readonly T[]) =>
  field(Type.Enum([...values]), `one of ${values.join(', ')}`);

/** The ID of a row. */
export const id = Type.Integer({ minimum: 1 });
export const count = Type.Integer({ minimum: 0 });
export const moment = Type.String({ format: 'date-time' });
export const levelNumber = Type.Integer({ minimum: 0, maximum: levelCount - 1 });
export const priority = field(levelNumber, 'a whole number from 0 (best) to 9');
/** The bounds of a list with one entry for each level, P0 first. */
export const ofEachLevel = { minItems: levelCount, maxItems: levelCount };
export const tenNumbers = listOf(Type.Number(), ofEachLevel);
