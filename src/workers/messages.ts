/**
 * What the processes of one gateway say to each other: a worker to its parent, over the channel that it was forked with,
 * and the parent to each worker. Both are of one version, so all that a message lacks is a fault.
 */
import { type TProperties, Type } from 'typebox';
import type { Config } from '../config/config.ts';
import { type Read, readerOf } from '../fleet/messages/messages.ts';
import type { StopWish } from '../stop.ts';
import type { Reading } from '../telemetry/registry.ts';
import type { CountedTenant } from '../telemetry/tenants/tenant-tally.ts';

const kind = <Kind extends string, Fields extends TProperties>(t: Kind, fields: Fields) =>
  Type.Object({ t: Type.Literal(t), ...fields });

const whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const text = (maxLength: number) => Type.String({ maxLength });
/** A question has a number; its answer carries it. */
const numbered = { id: whole };

const change = Type.Union([
  Type.Object({ of: Type.Union([Type.Literal('key'), Type.Literal('user')]), id: Type.Integer() }),
  Type.Object({ of: Type.Literal('session'), hash: text(128) }),
  Type.Object({ of: Type.Enum(['keys', 'mappings', 'pools', 'providers']) }),
  Type.Object({ of: Type.Literal('endpoint'), provider: text(64), endpoint: text(512), isDrained: Type.Boolean() }),
]);
const guess = { network: text(64), fingerprint: text(16) };
const readings = Type.Unsafe<Reading[]>(Type.Array(Type.Object({ name: Type.String() })));
const config = Type.Unsafe<Config>(Type.Object({}));

const upward = {
  /** From now on it may hold what others change. */
  opening: kind('opening', {}),
  listening: kind('listening', { url: text(512) }),
  ready: kind('ready', {}),
  /** It cannot start, and says with which code the gateway is to exit. */
  failed: kind('failed', { code: Type.Union([Type.Literal(1), Type.Literal(2)]), message: text(100_000) }),
  /** For the standard output, past the log. */
  print: kind('print', { text: text(10_000) }),
  guess: kind('guess', guess),
  counts: kind('counts', { readings }),
  /** What it has counted of tenants since it said so last; lost, it would be missing for ever. */
  tenants: kind('tenants', {
    counted: Type.Unsafe<CountedTenant[]>(Type.Array(Type.Object({ tenant: Type.String() }))),
  }),
  tell: kind('tell', { ...numbered, change }),
  enter: kind('enter', { ...numbered, key: whole }),
  leave: kind('leave', { key: whole }),
  gather: kind('gather', numbered),
  heard: kind('heard', numbered),
  read: kind('read', { ...numbered, readings }),
  /** `faults`: what does not fit together with what is stored; empty, it is in effect. */
  configured: kind('configured', {
    ...numbered,
    faults: Type.Array(
      Type.Object({
        section: Type.Union([Type.String(), Type.Null()]),
        key: Type.Union([Type.String(), Type.Null()]),
        message: Type.String(),
      }),
    ),
  }),
};

const downward = {
  welcome: kind('welcome', {
    config,
    /** A configuration that was read since the start. */
    reread: Type.Union([config, Type.Null()]),
    /** The embedded database, which the parent has started; null: it is another one. */
    embedded: Type.Union([
      Type.Object({ url: Type.String(), startedRun: Type.Union([Type.String(), Type.Null()]) }),
      Type.Null(),
    ]),
    isColoured: Type.Boolean(),
  }),
  stop: kind('stop', {
    wish: Type.Unsafe<Exclude<StopWish, 'orphaned'>>(Type.Union([Type.Literal('in_time'), Type.Literal('when_done')])),
  }),
  hurry: kind('hurry', {}),
  guess: kind('guess', guess),
  hear: kind('hear', { ...numbered, change }),
  read: kind('read', numbered),
  configure: kind('configure', { ...numbered, config }),
  told: kind('told', numbered),
  /** `underWay`: so many are, and no more may be; null: the request may go on. */
  entered: kind('entered', { ...numbered, underWay: Type.Union([whole, Type.Null()]) }),
  /** Null: they cannot be put together at present. */
  gathered: kind('gathered', { ...numbered, text: Type.Union([Type.String(), Type.Null()]) }),
};

export const readUpward = readerOf(upward);
export const readDownward = readerOf(downward);

type Of<R> = R extends Read<infer Message> ? Message : never;
export type Upward = Of<typeof readUpward>;
export type Downward = Of<typeof readDownward>;
export type Welcome = Extract<Downward, { t: 'welcome' }>;
/** What answers a question of the parent, and of a worker. */
export type UpwardAnswer = Extract<Upward, { t: 'heard' | 'read' | 'configured' }>;
export type DownwardAnswer = Extract<Downward, { t: 'told' | 'entered' | 'gathered' }>;
