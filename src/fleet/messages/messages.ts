/**
 * The messages between a member and its conductor, read once, at the edge: what is inside the bounds of its schema is
 * trusted from there on. What is not understood at all is of a newer version and is passed over; what is understood and out
 * of its bounds is of a broken process, whose connection is closed.
 */
import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import { type Downward, downward } from './downward.ts';
import { type Upward, upward } from './upward.ts';

export type { Downward, Refusal } from './downward.ts';
export { mostTicketsAtOnce, type SeatEnd, type Upward } from './upward.ts';

/** Returns the message; null: its kind is not known here. Throws a MessageFault. */
export type Read<Message> = (value: unknown) => Message | null;

/** Not a message, or one that is out of its bounds: says which field. */
export class MessageFault extends Error {
  override readonly name = 'MessageFault';
}

export const readUpward: Read<Upward> = readerOf(upward);
export const readDownward: Read<Downward> = readerOf(downward);

function readerOf<Kinds extends Record<string, TSchema>>(kinds: Kinds): Read<Static<Kinds[keyof Kinds]>> {
  const checks = new Map<unknown, Validator>(Object.entries(kinds).map(([kind, schema]) => [kind, Compile(schema)]));
  return value => {
    const kind = kindOf(value);
    const check = checks.get(kind);
    if (check === undefined) return null;
    if (check.Check(value)) return value as Static<Kinds[keyof Kinds]>;
    throw new MessageFault(`${kind}: ${faultOf(check, value)}`);
  };
}

function kindOf(value: unknown): string {
  const kind = typeof value === 'object' && value !== null && 't' in value ? value.t : undefined;
  if (typeof kind !== 'string') throw new MessageFault('a message without its kind');
  return kind;
}

const mostFaultChars = 200;

/** The first field at fault; never its value, which may be anything and of any length. */
function faultOf(check: Validator, value: unknown): string {
  const [fault] = check.Errors(value);
  return fault === undefined ? 'out of bounds' : `${fault.instancePath} ${fault.message}`.slice(0, mostFaultChars);
}
