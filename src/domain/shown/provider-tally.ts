/** What requests have shown of a provider, by the process that sent them, and all processes together. */
import { type Static, Type } from 'typebox';
import { fields, nullable } from '../shape.ts';

/** What others tell is added up, and taken from the present time: both have to stay numbers and dates. */
const most = 1e12;
const ageMs = nullable(Type.Number({ minimum: 0, maximum: most }));
const requests = Type.Integer({ minimum: 0, maximum: most });

/** Ages, so that no two clocks need to agree; null is never. */
export const providerTally = fields({
  /** Of the last five minutes. */
  requests,
  failures: requests,
  successAgeMs: ageMs,
  failureAgeMs: ageMs,
  /** The reason of the last failure. */
  failure: nullable(Type.String()),
});
export type ProviderTally = Static<typeof providerTally>;

export const noTally: ProviderTally = {
  requests: 0,
  failures: 0,
  successAgeMs: null,
  failureAgeMs: null,
  failure: null,
};

export const addedTallies = (a: ProviderTally, b: ProviderTally): ProviderTally => ({
  requests: a.requests + b.requests,
  failures: a.failures + b.failures,
  successAgeMs: youngest(a.successAgeMs, b.successAgeMs),
  failureAgeMs: youngest(a.failureAgeMs, b.failureAgeMs),
  failure: isYounger(b.failureAgeMs, a.failureAgeMs) ? b.failure : a.failure,
});

export const isYounger = (one: number | null, other: number | null): boolean =>
  one !== null && (other === null || one < other);

const youngest = (a: number | null, b: number | null): number | null => (isYounger(b, a) ? b : a);
