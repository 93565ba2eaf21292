import type { Ahead, WaitReason } from '../../../domain/shown/live.ts';
import type { Level } from '../../../domain/vocabulary.ts';
import { shownModel } from '../../../upstreams/upstreams.ts';

/** The facts in the sentence about a waiting request. */
export interface WaitFacts {
  readonly code: WaitReason;
  readonly ahead: Ahead;
  readonly level: Level;
  readonly levelCap: number;
  /** The wait for its tenant's rates; null: its tenant's seats are taken. */
  readonly tenantWaitMs: number | null;
  /** The provider of the request, and whether any of its endpoints takes requests. */
  readonly provider: string;
  readonly isAnyUp: boolean;
  readonly seats: number;
  readonly inUse: number;
  /** The upstream's closure until then; both null: the pool. */
  readonly closedProvider: string | null;
  readonly closedModel: string | null;
  /** The first to open again, where all endpoints that it may go to have closed its model one by one. */
  readonly closedEndpoint: string | null;
  readonly closedUntil: string | null;
  /** The wait for the pool's rates. */
  readonly poolWaitMs: number;
  readonly tokensInFlight: number;
  readonly maxTokensInFlight: number | null;
}

const inAbout = (ms: number) => `in about ${Number((ms / 1000).toPrecision(2))} s`;
const othersAhead = ({ ahead }: WaitFacts) => ahead.better_levels + ahead.own_level + ahead.worse_levels;
const requests = (count: number) => (count === 1 ? '1 request' : `${count} requests`);
function allInUse({ seats, inUse }: WaitFacts): string {
  if (inUse > seats) return `${inUse} seats are in use, and ${seats} may be`;
  return seats === 1 ? 'The only seat is in use' : `All ${seats} seats are in use`;
}

function closedSentence(facts: WaitFacts): string {
  const { closedProvider: provider, closedModel: model, closedEndpoint: endpoint, closedUntil: until } = facts;
  if (model !== null && endpoint !== null)
    return `No endpoint of provider '${provider}' that it may go to takes more requests for the model '${shownModel(model)}' until ${until}; then ${endpoint} does.`;
  if (model !== null)
    return `Provider '${provider}' takes no more requests for the model '${shownModel(model)}' until ${until}.`;
  return `${provider === null ? 'The upstream' : `Provider '${provider}'`} has said that it has no room until ${until}.`;
}

const sentences: Record<WaitReason, (facts: WaitFacts) => string> = {
  upstream_closed: closedSentence,
  tenant_limit: ({ tenantWaitMs }) =>
    tenantWaitMs === null
      ? 'Its tenant has as many requests running as it may have.'
      : `The rates of its tenant let it start ${inAbout(tenantWaitMs)}.`,
  level_cap: ({ level, levelCap }) => `Level P${level} has as many seats as it may have (${levelCap}).`,
  pool_rate: ({ poolWaitMs }) => `The rates of the pool let the next request start ${inAbout(poolWaitMs)}.`,
  endpoints_busy: ({ provider, isAnyUp }) =>
    isAnyUp
      ? `Seats are free, but none at an endpoint of provider '${provider}' that it may go to.`
      : `No endpoint of provider '${provider}' takes requests: they are down or drained.`,
  seats_reserved: ({ seats, inUse }) =>
    `${seats - inUse} of ${seats} seats are free, and they are reserved for other levels.`,
  behind_own_flow: facts => `${allInUse(facts)}; ${requests(facts.ahead.own_flow)} of its own tenant came earlier.`,
  behind_own_level: facts =>
    `${allInUse(facts)}; it is the turn of other tenants of its level (${requests(facts.ahead.own_level)}) first.`,
  behind_other_level: facts => `${allInUse(facts)}; another level has its turn first.`,
  behind_other_tenants: facts =>
    `${allInUse(facts)}; it is the turn of other tenants, of any level that shares by tenant (${requests(othersAhead(facts))}), first.`,
  seats_busy: facts => `${allInUse(facts)}; it is next.`,
  tokens_in_flight: ({ tokensInFlight, maxTokensInFlight }) =>
    `A seat is free, but the request whose turn it is does not fit: ${Math.round(tokensInFlight)} of ${maxTokensInFlight} tokens are in flight.`,
};

export const waitSentence = (facts: WaitFacts): string => sentences[facts.code](facts);
