/** The messages of a member to its conductor. */
import { type Static, Type } from 'typebox';
import { count, nullable } from '../../domain/shape.ts';
import {
  answer,
  ask,
  asked,
  avoid,
  endpointId,
  epochNumber,
  joining,
  list,
  mostPools,
  ms,
  name,
  open,
  place,
  pool,
  poolName,
  seats,
  spent,
} from './shapes.ts';

/** Tickets of one message; a member with more says several before its hello. */
export const mostTicketsAtOnce = 100;

export const mostEndpointsTold = 200;

/** The history of a ticket: its time since it came, its time in the queue, and where it stood when it came. */
const past = { ageMs: Type.Optional(ms), waitedMs: Type.Optional(ms), position: Type.Optional(count) };

const end = Type.Union([
  open({ how: Type.Union([Type.Literal('served'), Type.Literal('failed')]), spent: open(spent) }),
  /** The ticket was over when its seat came: nothing is charged. */
  open({ how: Type.Literal('unused') }),
  /** The upstream had no room: it waits again, under its next attempt. */
  open({ how: Type.Literal('put_back'), avoid: Type.Optional(avoid) }),
]);

const kinds = {
  /** Before the hello: what runs, oldest first, and what was charged for it … */
  held: open({
    t: Type.Literal('held'),
    tickets: list(
      open({ ...place, pool, asked, charged: open(spent), ...past, endpoint: Type.Optional(endpointId) }),
      mostTicketsAtOnce,
    ),
  }),
  /** … and what waits, oldest first. */
  waiting: open({
    t: Type.Literal('waiting'),
    tickets: list(
      open({ ...place, pool, asked, ...past, waitedMs: ms, avoid: Type.Optional(avoid) }),
      mostTicketsAtOnce,
    ),
  }),
  /** The identity of the member, but for its ID, which its connection has proved; `pools` gives later messages their numbers. */
  hello: open({
    t: Type.Literal('hello'),
    epoch: epochNumber,
    beat: ms,
    member: joining,
    isLeaving: Type.Boolean(),
    pools: list(poolName, mostPools),
    brings: list(seats, mostPools),
    /** Missing: it is of an older version, and passes over a ping. */
    answersPings: Type.Optional(Type.Boolean()),
  }),
  enter: open({ t: Type.Literal('enter'), ...place, pool, asked, avoid: Type.Optional(avoid) }),
  /** After the hello, and when one of them has changed: all endpoints of a provider as the member sees them; 0 seats: down. */
  endpoints: open({
    t: Type.Literal('endpoints'),
    pool,
    provider: name(200),
    endpoints: list(open({ id: endpointId, seats: count }), mostEndpointsTold),
  }),
  /** `code`: why, as in a refusal; missing: its client has left. */
  leave: open({ t: Type.Literal('leave'), ...place, code: Type.Optional(name(40)) }),
  /** Several seats, each: ticket, attempt, cost, tokens. */
  progress: open({
    t: Type.Literal('progress'),
    spent: list(Type.Tuple([place.ticket, place.attempt, spent.cost, spent.tokens]), 10_000),
  }),
  finish: open({ t: Type.Literal('finish'), ...place, end }),
  /** The upstream turned that seat's request away; null: it does not say for how long. */
  busy: open({ t: Type.Literal('busy'), ...place, status: count, retryAfterMs: nullable(ms) }),
  /** The upstream begins to answer that seat's request, which was the probe of a closure, and has room. */
  answered: open({ t: Type.Literal('answered'), ...place, status: count }),
  beat: open({ t: Type.Literal('beat'), beat: ms, answers: nullable(ms), isLeaving: Type.Boolean() }),
  ask: open({ t: Type.Literal('ask'), ...ask }),
  answer: open({ t: Type.Literal('answer'), ...answer }),
  /** Answers a ping, at once. */
  pong: open({ t: Type.Literal('pong') }),
  goodbye: open({ t: Type.Literal('goodbye') }),
} as const;

export const upward = kinds;
export type Upward = Static<(typeof kinds)[keyof typeof kinds]>;
