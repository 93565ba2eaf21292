/** The messages of a conductor to a member. */
import { type Static, Type } from 'typebox';
import { count, nullable } from '../../domain/shape.ts';
import {
  answer,
  ask,
  endpointId,
  epochNumber,
  list,
  listed,
  members,
  ms,
  name,
  open,
  place,
  pool,
  text,
} from './shapes.ts';

/** How long it waited, and where it stood when it came; both are the conductor's to know. */
const wait = { isQueued: Type.Boolean(), waitMs: ms, position: count };

/**
 * Why there is no seat: a code and its numbers; the sentence is made where the client is. A code that a member does not
 * know, of a newer conductor, is a refusal all the same.
 */
const refusal = open({
  code: name(40),
  retryAfterSec: nullable(ms),
  tokens: Type.Optional(ms),
  most: Type.Optional(ms),
  depth: Type.Optional(count),
  bytes: Type.Optional(count),
  timeoutMs: Type.Optional(ms),
  /** The closure by the upstream: of that model, or of all; and for how long from now. */
  isOfModel: Type.Optional(Type.Boolean()),
  closedForMs: Type.Optional(ms),
});

/** So many of the longest names fit into a frame. */
export const mostClosuresTold = 200;

const kinds = {
  welcome: open({
    t: Type.Literal('welcome'),
    epoch: epochNumber,
    beat: ms,
    answers: nullable(ms),
    members,
  }),
  beat: open({ t: Type.Literal('beat'), beat: ms, answers: ms }),
  list: open({ t: Type.Literal('list'), members }),
  /** Asks for a pong: a seat waits for it. */
  ping: open({ t: Type.Literal('ping') }),
  elsewhere: open({ t: Type.Literal('elsewhere'), epoch: epochNumber, conductor: nullable(listed) }),
  /** Missing: the seat is at no endpoint, its provider has no affinity, or its conductor is of an older version. */
  seat: open({
    t: Type.Literal('seat'),
    ...place,
    ...wait,
    endpoint: Type.Optional(endpointId),
    affinity: Type.Optional(name(20)),
  }),
  refuse: open({ t: Type.Literal('refuse'), ...place, ...wait, refusal }),
  /** All that the upstream of a pool has closed: of a provider one model, or null for all; and for how long. */
  closures: open({
    t: Type.Literal('closures'),
    pool,
    closures: list(open({ provider: name(200), model: nullable(text(400)), forMs: ms }), mostClosuresTold),
    /** There are more. */
    isCut: Type.Boolean(),
    /**
     * The models that are closed at single endpoints. Apart from the others, so that a member of an older version, which
     * passes over this, takes none of them for a closure of the whole model.
     */
    atEndpoints: Type.Optional(
      list(open({ provider: name(200), model: text(400), endpoint: endpointId, forMs: ms }), mostClosuresTold),
    ),
  }),
  ask: open({ t: Type.Literal('ask'), ...ask }),
  answer: open({ t: Type.Literal('answer'), ...answer }),
  /** Changes in the view of a pool. No gateway says so: members ask for what they show (decision 0041). */
  view: open({ t: Type.Literal('view'), pool, changes: Type.Record(Type.String({ maxLength: 40 }), Type.Unknown()) }),
} as const;

export const downward = kinds;
export type Downward = Static<(typeof kinds)[keyof typeof kinds]>;
