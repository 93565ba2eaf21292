import type { TProperties, TSchema } from 'typebox';

/** The columns that must hold a text. */
const textsOf = new WeakMap<object, readonly string[]>();

/**
 * Returns rows as their schema promises them. Tables that are older than the gateway, or were altered by hand, may hold
 * NULL where a text is required. It is read as an empty text, which is shown unchanged and which every rule refuses as
 * a fault of its row. The rows belong to the caller and are changed in place.
 */
export const legible = <Row extends object>(schema: { readonly properties: TProperties }, rows: Row[]): Row[] => {
  const columns = textsOf.get(schema) ?? Object.keys(schema.properties).filter(name => isText(schema.properties[name]));
  textsOf.set(schema, columns);
  for (const row of rows as Record<string, unknown>[])
    for (const column of columns) if (row[column] === null) row[column] = '';
  return rows;
};

const isText = (column: (TSchema & { readonly type?: unknown; readonly enum?: unknown }) | undefined): boolean =>
  column?.type === 'string' || column?.enum !== undefined;
