/**
 * The effect of a change of mappings on the shares of the pools. A tenant counts as active if it had a request in the
 * last hour; domain/shown/pool-share.ts computes the shares before and after.
 */
import type { FlowStanding, PoolShareChanges, ShareChange } from '../../domain/shown/impact.ts';
import { poolShares, type Sharing } from '../../domain/shown/pool-share.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';

export interface SharedPool extends Sharing {
  readonly name: string;
  /** The weight of a tenant, by its flow ID. */
  readonly weightOf: (flowId: string) => number;
}

export interface ActiveFlow {
  readonly flowId: string;
  readonly level: Level;
}

/** Requests of the flow `before` would belong to `after`; null: there is no such flow then. */
export interface FlowMove {
  readonly before: ActiveFlow | null;
  readonly after: ActiveFlow | null;
}

/** The most shares shown per pool. */
const mostSharesShown = 50;
/** Pools with the most tenants come first; pools without moves are not shown. */
export const mostPoolsShown = 20;
const flowsPerStep = 1024;

const keyOf = (flow: ActiveFlow | null): string => (flow === null ? '' : `${flow.level} ${flow.flowId}`);
const moves = ({ before, after }: FlowMove): boolean => keyOf(before) !== keyOf(after);

export class ActiveFlows {
  readonly #pools = new Map<string, Map<string, FlowMove>>();

  add(pool: string, move: FlowMove): void {
    const known = this.#pools.get(pool) ?? new Map<string, FlowMove>();
    this.#pools.set(pool, known);
    const key = JSON.stringify([keyOf(move.before), keyOf(move.after)]);
    if (!known.has(key)) known.set(key, move);
  }

  /**
   * `subject`: the flow of the question. It is shown in the pools where it was active, or, if in none, in all possible
   * ones.
   */
  *changes(pools: readonly SharedPool[], subject: FlowMove | null): Generator<void, PoolShareChanges[]> {
    const shown = pools.map(pool => ({ pool, flows: [...(this.#pools.get(pool.name)?.values() ?? [])] }));
    if (subject !== null && !shown.some(({ flows }) => flows.some(flow => isOf(flow, subject))))
      for (const { flows } of shown) flows.push(subject);
    const changes: PoolShareChanges[] = [];
    for (const { pool, flows } of shown) if (flows.some(moves)) changes.push(yield* changesIn(pool, flows));
    return changes.sort((a, b) => b.tenants.length + b.tenants_left_out - a.tenants.length - a.tenants_left_out);
  }
}

const isOf = (flow: FlowMove, subject: FlowMove): boolean =>
  keyOf(flow.before) === keyOf(subject.before) || (flow.after !== null && keyOf(flow.after) === keyOf(subject.after));

function* changesIn(pool: SharedPool, flows: readonly FlowMove[]): Generator<void, PoolShareChanges> {
  const standing = { before: yield* standings(pool, flows, 'before'), after: yield* standings(pool, flows, 'after') };
  const { policy, shareBy, name } = pool;
  let best: ShareChange[] = [];
  for (const [at, { before, after }] of flows.entries()) {
    best.push({ before: standing.before(before), after: standing.after(after) });
    if (best.length >= flowsPerStep || at === flows.length - 1) {
      best = best.sort(byInterest).slice(0, mostSharesShown);
      yield;
    }
  }
  return { pool: name, policy, share_by: shareBy, tenants: best, tenants_left_out: flows.length - best.length };
}

type Standings = (flow: ActiveFlow | null) => FlowStanding | null;

function* standings(
  pool: SharedPool,
  moved: readonly FlowMove[],
  when: 'before' | 'after',
): Generator<void, Standings> {
  const active = allLevels.map(() => 0);
  const counted = new Set<string>();
  for (const { [when]: flow } of moved) {
    if (flow === null || counted.has(keyOf(flow))) continue;
    counted.add(keyOf(flow));
    active[flow.level] = (active[flow.level] ?? 0) + pool.weightOf(flow.flowId);
    if (counted.size % flowsPerStep === 0) yield;
  }
  const shareOf = poolShares(pool, active);
  return flow =>
    flow && { flow_id: flow.flowId, level: flow.level, ...shareOf(flow.level, pool.weightOf(flow.flowId)) };
}

const isMoved = ({ before, after }: ShareChange): boolean =>
  before?.flow_id !== after?.flow_id || before?.level !== after?.level;
const differenceOf = ({ before, after }: ShareChange): number => Math.abs((after?.share ?? 0) - (before?.share ?? 0));

const byInterest = (a: ShareChange, b: ShareChange): number =>
  Number(isMoved(b)) - Number(isMoved(a)) ||
  differenceOf(b) - differenceOf(a) ||
  (b.after?.share ?? 0) - (a.after?.share ?? 0);
