/** Translates the words of guests and desks into messages between gateways, within their bounds. */
import { createHash } from 'node:crypto';
import type { EndpointSeats } from '../../domain/endpoint.ts';
import type { Spent } from '../../domain/usage.ts';
import { affinities, isLevel } from '../../domain/vocabulary.ts';
import { affinityResults } from '../../domain/warmth.ts';
import { mostClosuresTold } from '../../fleet/messages/downward.ts';
import type { Downward, Upward } from '../../fleet/messages/messages.ts';
import { mostEndpointsTold } from '../../fleet/messages/upward.ts';
import type { Asked, Guest, Wait } from '../pool/guest.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import { isCode, type Refusal } from '../pool/refusal.ts';

type ClosuresWord = Extract<Downward, { t: 'closures' }>;
type AskedWord = Extract<Upward, { t: 'enter' }>['asked'];
type RefusalWord = Extract<Downward, { t: 'refuse' }>['refusal'];
type WaitWord = Pick<Extract<Downward, { t: 'refuse' }>, 'isQueued' | 'waitMs' | 'position'>;
type SeatWord = Pick<Extract<Downward, { t: 'seat' }>, 'isQueued' | 'waitMs' | 'position' | 'endpoint' | 'affinity'>;

const longest = { name: 200, text: 400 };
/** As many as a message may tell (fleet/messages/shapes.ts). */
const mostAvoided = 100;
/** As in SHA-256; a quarter of it tells any two texts apart. */
const digestChars = 32;

/** Two texts never become one: what is cut off is told by its digest. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, digestChars);
  return `${text.slice(0, most - digestChars - 1)}#${digest}`;
}

/** An amount or a duration that a message can tell. */
export const sound = (amount: number): number => (amount >= 0 ? Math.min(amount, Number.MAX_SAFE_INTEGER) : 0);
const whole = (amount: number): number => Math.round(sound(amount));

export const saidSpent = ({ cost, tokens }: Spent): Spent => ({ cost: sound(cost), tokens: sound(tokens) });

export const saidProvider = (provider: string): string => shortened(provider, longest.name);

/** As the conductor knows it. */
export const saidTarget = ({ provider, model }: Pick<Asked, 'provider' | 'model'>) => ({
  provider: saidProvider(provider),
  model: shortened(model, longest.text),
});

export const saidAsked = (asked: Asked, timeoutMs: number): AskedWord => ({
  requestId: shortened(asked.requestId, longest.name),
  flowId: shortened(asked.flowId, longest.text),
  level: asked.level,
  ...saidTarget(asked),
  bodyBytes: whole(asked.bodyBytes),
  maxWaitMs: sound(timeoutMs),
  ...(asked.warmth ? { warmth: asked.warmth } : {}),
  ...saidSpent(asked),
});

/** A level that does not exist is out of the bounds of its message. */
export function heardAsked({ maxWaitMs: _, level, warmth, ...asked }: AskedWord): Asked {
  if (!isLevel(level)) throw new Error(`no such level: ${level}`);
  const by = affinities.find(affinity => affinity === warmth?.by) ?? 'none';
  // What a newer gateway goes by is passed over: any endpoint is right, some are only slower.
  if (warmth === undefined || by === 'none') return { ...asked, level };
  return { ...asked, level, warmth: { by, hashes: warmth.hashes } };
}

/** The refusal of a guest whose own gateway has given it up; it knows the numbers itself. */
export function heardLeave(code: string | undefined, timeoutMs: number): Refusal {
  if (code === 'timed_out') return { code, timeoutMs, retryAfterSec: 1 };
  return code === 'shutting_down' ? { code, retryAfterSec: 1 } : { code: 'client_left' };
}

export const saidWait = ({ wasQueued, waitMs, position }: Wait): WaitWord => ({
  isQueued: wasQueued,
  waitMs: sound(waitMs),
  position,
});

/** With the endpoint of its seat, if it has one. */
export const saidSeat = (wait: Wait): SeatWord => ({
  ...saidWait(wait),
  ...saidEndpoint(wait),
  ...(wait.affinity ? { affinity: wait.affinity } : {}),
});

export const saidEndpoint = ({ endpoint = null }: Pick<Wait, 'endpoint'>): { readonly endpoint?: string } =>
  endpoint === null ? {} : { endpoint: saidId(endpoint) };

export const saidId = (endpoint: string): string => shortened(endpoint, longest.text);

/** The endpoints that a guest avoids, if there are any; those that failed last, where there are too many to tell. */
export const saidAvoid = ({ avoid = [] }: Pick<Guest, 'avoid'>): { readonly avoid?: readonly string[] } =>
  avoid.length === 0 ? {} : { avoid: avoid.slice(-mostAvoided).map(saidId) };

/** As the conductor knows them. */
export const saidEndpoints = (endpoints: readonly EndpointSeats[]) =>
  endpoints.slice(0, mostEndpointsTold).map(({ id, seats }) => ({ id: saidId(id), seats: whole(seats) }));

export const heardWait = ({ isQueued, waitMs, position, endpoint, affinity }: SeatWord): Wait => ({
  wasQueued: isQueued,
  waitMs,
  position,
  ...(endpoint !== undefined && { endpoint }),
  affinity: affinityResults.find(result => result === affinity) ?? null,
});

/** A closure of the whole pool is the conductor's to know. */
export function saidClosures(
  closed: ReturnType<PoolDesk['closed']>,
  now: number,
): Pick<ClosuresWord, 'closures' | 'isCut' | 'atEndpoints'> {
  const all = closed.flatMap(({ provider, model, endpoint, until }) =>
    provider === null ? [] : [{ provider, model, endpoint, forMs: sound(until - now) }],
  );
  const told = all.slice(0, mostClosuresTold);
  const closures = told.flatMap(({ endpoint, ...one }) => (endpoint === null ? [one] : []));
  const atEndpoints = told.flatMap(({ model, endpoint, ...one }) =>
    model === null || endpoint === null ? [] : [{ ...one, model, endpoint: saidId(endpoint) }],
  );
  const isCut = all.length > mostClosuresTold;
  return { closures, isCut, ...(atEndpoints.length > 0 && { atEndpoints }) };
}

const amounts = ['tokens', 'most', 'timeoutMs', 'closedForMs'] as const;
const counts = ['depth', 'bytes'] as const;

export function saidRefusal(refusal: Refusal): RefusalWord {
  const numbers: Partial<Record<string, unknown>> = { ...refusal };
  const told = (names: readonly string[], as: (amount: number) => number) =>
    names.flatMap(name => (typeof numbers[name] === 'number' ? [[name, as(numbers[name])] as const] : []));
  return {
    code: refusal.code,
    retryAfterSec: 'retryAfterSec' in refusal ? sound(refusal.retryAfterSec) : null,
    ...Object.fromEntries([...told(amounts, sound), ...told(counts, whole)]),
    ...('isOfModel' in refusal ? { isOfModel: refusal.isOfModel } : {}),
  };
}

/** A code of a newer gateway is a refusal all the same. */
export function heardRefusal({ code, ...said }: RefusalWord, timeoutMs: number): Refusal {
  const retryAfterSec = said.retryAfterSec ?? 1;
  if (!isCode(code)) return { code: 'too_late', timeoutMs, retryAfterSec };
  const numbers = { tokens: 0, most: 0, depth: 0, bytes: 0, closedForMs: 0, isOfModel: false, timeoutMs };
  // All numbers of any code.
  return { ...numbers, ...said, retryAfterSec, code } as Refusal;
}
