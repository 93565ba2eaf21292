/** The parts of messages, with the bounds of each; unknown fields are let pass, for versions to come. */
import { type TProperties, type TSchema, Type } from 'typebox';
import { count, levelNumber, nullable } from '../../domain/shape.ts';
import { mostUrlChars } from '../link/address.ts';

/** Fields that must be there; others may be, as a newer version sends them. */
export const open = <T extends TProperties>(properties: T) => Type.Object(properties);
export const list = <T extends TSchema>(schema: T, maxItems: number) =>
  Type.Immutable(Type.Array(schema, { maxItems }));
export const text = (maxLength: number) => Type.String({ maxLength });
export const name = (maxLength: number) => Type.String({ minLength: 1, maxLength });
/** Text for the row of the fleet: any database can store it, whatever its encoding. */
const storable = (maxLength: number) => Type.String({ pattern: '^[\\x20-\\x7e]*$', maxLength });

/** 4 million elections are left to a fleet that a broken member has led to the highest epoch. */
export const epochNumber = Type.Integer({ minimum: 0, maximum: 2 ** 52 });
export const memberId = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$', maxLength: 36 });
/** A moment of the sender's own clock, opaque to the other, or a duration. */
export const ms = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const amount = ms;

/** A listener takes fewer; those of the list that have died lately are beside them. */
const mostMembers = 1_000;
export const mostPools = 1_000;

const listedFields = {
  name: storable(200),
  url: storable(mostUrlChars),
  version: storable(64),
  since: storable(40),
};
export const joining = open(listedFields);
export const listed = open({ id: memberId, ...listedFields });
export const members = list(listed, mostMembers);

/** A pool by its place in the list of names that the hello has told. */
export const pool = Type.Integer({ minimum: 0, maximum: mostPools - 1 });
export const poolName = name(200);
export const seats = open({ pool: poolName, seats: count });

/** Names a place, or a seat, of the member at whose connection it is said: what is put back has its next attempt. */
export const place = { ticket: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), attempt: count };

/** For who looks on; see questions.ts. The answers have the number of their question, and all but the last say `more`. */
export const ask = { ask: count, what: name(40), about: Type.Unknown() };
export const answer = { ask: count, value: Type.Unknown(), more: Type.Optional(Type.Boolean()) };

/** An endpoint by its origin, and those that a request avoids. */
export const endpointId = name(400);
export const avoid = list(endpointId, 100);

export const spent = { cost: amount, tokens: amount };
export const asked = open({
  requestId: name(200),
  flowId: text(400),
  level: levelNumber,
  provider: name(200),
  model: text(400),
  bodyBytes: count,
  maxWaitMs: nullable(ms),
  ...spent,
});
