/** Several gateways as one, as whoever looks on sees them. */
import { type Static, Type } from 'typebox';
import { count, fields, listOf, nullable } from '../shape.ts';

/**
 * `conductor` grants the seats; a `member` asks it for them; a `candidate` looks for a conductor or may become it;
 * an `isolated` one has lost the others and starts nothing.
 */
const fleetRoles = ['conductor', 'member', 'candidate', 'isolated'] as const;

const memberId = Type.String({ format: 'uuid' });

const fleetMember = fields({
  /** Of one run of a process. */
  member_id: memberId,
  /** `[gateway] name`. */
  name: Type.String(),
  /** Where the other gateways call it; null outside a fleet. */
  url: nullable(Type.String()),
  version: Type.String(),
  role: Type.Enum([...fleetRoles]),
  /** That requests of its clients hold now; null: only its conductor and itself know. */
  seats: nullable(count),
  /** Since it was last heard here; null: it is this gateway, or is not heard here. */
  last_beat_ms: nullable(Type.Number({ minimum: 0 })),
});
export type FleetMember = Static<typeof fleetMember>;

export const fleetShown = fields({
  /** Null: this gateway belongs to no fleet, and its seats are its own. */
  fleet: nullable(Type.String()),
  /** Of the present conductor; each election has a higher one. Null outside a fleet. */
  epoch: nullable(count),
  conductor: nullable(memberId),
  members: listOf(fleetMember),
});
export type FleetShown = Static<typeof fleetShown>;

/** How much of its fleet an answer tells of. */
export const fleetSight = fields({
  /** The name of the gateway that conducts, whose counts these are; null: none is known. */
  conductor: nullable(Type.String()),
  /** False: requests of some gateways may be missing. */
  complete: Type.Boolean(),
  /** The names of gateways that belong to the fleet and are not heard. */
  missing: listOf(Type.String()),
  /** Why it is not complete; null: it is. */
  reason: nullable(Type.String()),
});
export type FleetSight = Static<typeof fleetSight>;
