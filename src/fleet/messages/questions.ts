/**
 * What gateways ask each other for whoever looks on. An answer is a list of items, each in a message of its own, so that
 * none is longer than a frame may be, and an end.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { count, levelNumber, nullable } from '../../domain/shape.ts';
import { fleetSight } from '../../domain/shown/fleet.ts';
import { livePool, point, presentRequest, providerClosures } from '../../domain/shown/live.ts';
import { providerTally } from '../../domain/shown/provider-tally.ts';
import { poolStats } from '../../domain/shown/stats.ts';
import { MessageFault } from './messages.ts';
import { list, open, poolName } from './shapes.ts';

/** Of a request. */
export const mostIdChars = 200;
/** More than a pool's history has. */
const mostSteps = 100;
const step = open({ number: Type.Integer(), point });
const nothing = open({});
const seen = open({ sight: fleetSight });

const questions = {
  stats: { about: nothing, item: poolStats, end: seen },
  /** With the steps of the history after that one; null: all. */
  lanes: {
    about: open({ after: nullable(Type.Integer()) }),
    item: open({ live: livePool, steps: list(step, mostSteps) }),
    end: seen,
  },
  waiting: {
    about: open({
      pool: nullable(poolName),
      level: nullable(levelNumber),
      limit: Type.Integer({ minimum: 1, maximum: 500 }),
    }),
    item: presentRequest,
    end: open({ sight: fleetSight, total: count }),
  },
  find: { about: open({ request_id: Type.String({ maxLength: mostIdChars }) }), item: presentRequest, end: seen },
  providers: {
    about: nothing,
    item: open({ provider: Type.String(), tally: providerTally, closures: providerClosures }),
    end: seen,
  },
  /** Asked by a conductor: of a member's own requests. */
  tallies: { about: nothing, item: open({ provider: Type.String(), tally: providerTally }), end: nothing },
} as const;

type Questions = typeof questions;
export type Question = keyof Questions;
export type About<Q extends Question> = Static<Questions[Q]['about']>;
export type Item<Q extends Question> = Static<Questions[Q]['item']>;
export type End<Q extends Question> = Static<Questions[Q]['end']>;

export interface Answer<Q extends Question> {
  readonly items: readonly Item<Q>[];
  readonly end: End<Q>;
}

/** A newer gateway asks what is not known here. */
export const isQuestion = (what: string): what is Question => Object.hasOwn(questions, what);

/** Throws a MessageFault. */
export function readAbout<Q extends Question>(what: Q, about: unknown): About<Q> {
  if (checkOf(what, 'about').Check(about)) return about as About<Q>;
  throw new MessageFault(`ask.about (${what}) is out of its bounds`);
}

/** Null: out of its bounds, as of a version that tells it in another way. */
export const readItem = <Q extends Question>(what: Q, value: unknown): Item<Q> | null =>
  checkOf(what, 'item').Check(value) ? (value as Item<Q>) : null;

export const readEnd = <Q extends Question>(what: Q, value: unknown): End<Q> | null =>
  checkOf(what, 'end').Check(value) ? (value as End<Q>) : null;

type Part = 'about' | 'item' | 'end';
const checks = new Map<string, ReturnType<typeof Compile>>();

/** Compiled when it is first needed: most gateways are alone. */
function checkOf(what: Question, part: Part): ReturnType<typeof Compile> {
  const key = `${what}.${part}`;
  const known = checks.get(key) ?? Compile(opened(questions[what][part]) as TSchema);
  checks.set(key, known);
  return known;
}

/** The shapes of the admin API take no other fields; a message lets those of a newer version pass. */
function opened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(opened);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key]) => key !== 'additionalProperties');
  return Object.fromEntries(kept.map(([key, value]) => [key, opened(value)]));
}
