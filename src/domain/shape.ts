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

export const count = Type.Integer({ minimum: 0 });
export const moment = Type.String({ format: 'date-time' });
export const levelNumber = Type.Integer({ minimum: 0, maximum: levelCount - 1 });
/** The bounds of a list with one entry for each level, P0 first. */
export const ofEachLevel = { minItems: levelCount, maxItems: levelCount };
