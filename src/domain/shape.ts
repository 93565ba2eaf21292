/** How the shape of what is stored and told is written: once, as a schema; its type derives from it. */
import { type TProperties, type TSchema, Type } from 'typebox';

/** An object with these fields and no others. */
export const fields = <T extends TProperties>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A list that nobody changes once it is told. */
export const listOf = <T extends TSchema>(schema: T, bounds: { minItems?: number; maxItems?: number } = {}) =>
  Type.Immutable(Type.Array(schema, bounds));

export const count = Type.Integer({ minimum: 0 });
export const moment = Type.String({ format: 'date-time' });
