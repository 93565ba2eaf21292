/** Tokens of one request. */
export interface Usage {
  readonly inputTokens: number;
  /** The part of `inputTokens` that the upstream read from its cache. */
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

/** Tokens that a request has used. */
export interface MeteredUsage extends Usage {
  /** Some of the counts were not reported by the upstream but counted or estimated here. */
  readonly isEstimated: boolean;
}

/** The amount that a request takes from its pool, estimated or used: its charge, and its tokens, in and out. */
export interface Spent {
  readonly cost: number;
  readonly tokens: number;
}

/**
 * The charge of a request to its tenant: h(in, cached, out) = (in − cached) + 0.1 · cached + 2 · out. Output weighs
 * double because a produced token costs a decode step, a read token a share of a prefill (the 1:2 of the VTC paper,
 * OSDI '24).
 */
const costOf = (usage: Usage): number => usage.inputTokens - 0.9 * usage.cachedInputTokens + 2 * usage.outputTokens;

export const spentOf = (usage: Usage): Spent => ({
  cost: costOf(usage),
  tokens: usage.inputTokens + usage.outputTokens,
});
