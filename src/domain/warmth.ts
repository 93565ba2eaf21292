import type { Affinity } from './vocabulary.ts';

/** What a request finds in an endpoint's cache if others like it went there before (gateway/warmth.ts). */
export interface Warmth {
  readonly by: Exclude<Affinity, 'none'>;
  /**
   * Of its session, or of the beginnings of its prompt, the shortest first; whole numbers below 2^48, at most
   * `mostHashes`. Empty: nothing is known.
   */
  readonly hashes: readonly number[];
}

export const mostHashes = 8;
export const hashBits = 48;

/**
 * Where a request went: to the endpoint that is warm for it; to another one, as that had its share of requests or was to be
 * avoided; or wherever it was free, as none is known to be warm.
 */
export type AffinityResult = (typeof affinityResults)[number];
export const affinityResults = ['warm', 'moved', 'none'] as const;
