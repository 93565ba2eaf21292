/**
 * The messages between a member and its conductor, read once, at the edge: what is inside the bounds of its schema is
 * trusted from there on. What is not understood at all is of a newer version and is passed over; what is understood and out
 * of its bounds is of a broken process, whose connection is closed.
 */
import { IsObject, IsOptional, type Static, type TObject } from 'typebox';
import { Compile } from 'typebox/compile';
import { type Downward, downward } from './downward.ts';
import { type Upward, upward } from './upward.ts';

export type { Downward } from './downward.ts';
export type { Upward } from './upward.ts';

/** Returns the message; null: its kind is not known here. Throws a MessageFault. */
export type Read<Message> = (value: unknown) => Message | null;

/** Not a message, or one that is out of its bounds: says which field. */
export class MessageFault extends Error {
  override readonly name = 'MessageFault';
}

export const readUpward: Read<Upward> = readerOf(upward);
export const readDownward: Read<Downward> = readerOf(downward);

/** For messages of these kinds. */
export function readerOf<Kinds extends Record<string, TObject>>(kinds: Kinds): Read<Static<Kinds[keyof Kinds]>> {
  const checks = new Map(Object.entries(kinds).map(([kind, schema]) => [kind, { schema, check: Compile(schema) }]));
  return value => {
    const message = objectOf(value);
    const kind = message?.t;
    if (message === null || typeof kind !== 'string') throw new MessageFault('a message without its kind');
    const known = checks.get(kind);
    if (known === undefined) return null;
    if (known.check.Check(message)) return message as Static<Kinds[keyof Kinds]>;
    throw new MessageFault(`${[kind, ...faultyField(known.schema, message)].join('.')} is out of its bounds`);
  };
}

/**
 * The way to the first field at fault, field by field: all faults of a long list would take half a second to find. Never its
 * value, which may be anything and of any length.
 */
function faultyField({ properties }: TObject, value: Record<string, unknown>): string[] {
  for (const [name, schema] of Object.entries(properties)) {
    const field = value[name];
    if ((field === undefined && IsOptional(schema)) || Compile(schema).Check(field)) continue;
    const inner = objectOf(field);
    return IsObject(schema) && inner !== null ? [name, ...faultyField(schema, inner)] : [name];
  }
  return [];
}

const objectOf = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
