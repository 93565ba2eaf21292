/**
 * The effect of a change of mappings on keys and requests: each is classified with the rows before and after the
 * change, by the same classifier as requests, and the differences are counted.
 */
import type { PrioritySettings } from '../../config/config.ts';
import type { Figures, LevelMove, TenantMove } from '../../domain/shown/impact.ts';
import type { Classification, Classify, Identity } from '../../domain/vocabulary.ts';
import { defaultClassify, mappedClassify } from '../matching/classifier.ts';
import type { Mapping, Snapshot } from '../matching/matcher.ts';
import { ActiveFlows, type FlowMove } from './share-changes.ts';

export interface KnownKey {
  readonly key: string;
  readonly identity: Identity;
}

/** Requests of one key that asked for the same level in one pool. */
interface SeenRequests {
  readonly keyId: number | null;
  readonly asked: string | undefined;
  readonly pool: string | null;
  readonly count: number;
}

export interface Trial {
  readonly settings: PrioritySettings;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly keys: readonly KnownKey[];
  /** The number of all keys, unknown ones included. */
  readonly totalKeys: number;
  readonly requests: readonly SeenRequests[];
}

const movesShown = 1_000;
const keysPerStep = 64;

export function* figuresOf(trial: Trial): Generator<void, { keys: Figures; requests: Figures; active: ActiveFlows }> {
  const ofKeys = new Tally();
  const ofRequests = new Tally();
  const active = new ActiveFlows();
  const byKeyId = Map.groupBy(trial.requests, ({ keyId }) => keyId);
  const judge = judgeOf(trial);
  for (const [place, { key, identity }] of trial.keys.entries()) {
    const compare = judge(key, identity);
    ofKeys.add(compare(undefined), 1);
    for (const { asked, pool, count } of byKeyId.get(identity.keyId) ?? []) {
      const compared = compare(asked);
      ofRequests.add(compared, count);
      if (pool !== null) active.add(pool, compared);
    }
    byKeyId.delete(identity.keyId);
    if (place % keysPerStep === keysPerStep - 1) yield;
  }
  ofKeys.unknown = trial.totalKeys - trial.keys.length;
  for (const [keyId, requests] of byKeyId) {
    const count = requests.reduce((sum, one) => sum + one.count, 0);
    if (keyId !== null) ofRequests.unknown += count;
    else {
      // Without a key nothing is mapped, before and after.
      ofRequests.unchanged += count;
      for (const { asked, pool } of requests) if (pool !== null) active.add(pool, unmapped(trial.settings, asked));
    }
  }
  return { keys: ofKeys.figures(), requests: ofRequests.figures(), active };
}

function unmapped(settings: PrioritySettings, asked: string | undefined): FlowMove {
  const nobody = { keyId: null, userId: null, role: null };
  const flow = defaultClassify(settings)({ key: null, identity: nobody, asked });
  return { before: flow, after: flow };
}

interface Judged extends Classification {
  readonly tenantId: string | null;
}
type Compare = (asked: string | undefined) => { before: Judged; after: Judged };

/** Returns a function that gives, for a key, the result before and after by requested level. */
function judgeOf({ settings, before, after }: Trial): (key: string, identity: Identity) => Compare {
  let found: Mapping | null = null;
  const classify: Classify = mappedClassify({ settings, match: () => found, events: { keyMapped: () => {} } });
  return (key, identity) => {
    // Does not use `match`, because the remembered keys are those of requests.
    const was = before.find(key);
    const will = after.find(key);
    const by = (mapping: Mapping | null, asked: string | undefined): Judged => {
      found = mapping;
      return { ...classify({ key, identity, asked }), tenantId: mapping?.tenant_id ?? null };
    };
    return asked => ({ before: by(was, asked), after: by(will, asked) });
  };
}

class Tally {
  unchanged = 0;
  unknown = 0;
  #changed = 0;
  readonly #levels = new Map<string, LevelMove>();
  readonly #tenants = new Map<string, TenantMove>();

  add({ before, after }: ReturnType<Compare>, count: number): void {
    if (before.level === after.level && before.flowId === after.flowId) {
      this.unchanged += count;
      return;
    }
    this.#changed += count;
    const move = { from: before.level, to: after.level };
    const tenants = { from_tenant: before.tenantId, to_tenant: after.tenantId };
    increase(this.#levels, `${move.from} ${move.to}`, move, count);
    increase(this.#tenants, JSON.stringify([move, tenants]), { ...tenants, ...move }, count);
  }

  figures(): Figures {
    const { unchanged, unknown } = this;
    const changed = this.#changed;
    const tenants = byCount(this.#tenants);
    return {
      total: changed + unchanged + unknown,
      changed,
      unchanged,
      unknown,
      levels: byCount(this.#levels),
      tenants: tenants.slice(0, movesShown),
      tenants_left_out: Math.max(0, tenants.length - movesShown),
    };
  }
}

function increase<Move extends LevelMove>(
  moves: Map<string, Move>,
  name: string,
  move: Omit<Move, 'count'>,
  count: number,
): void {
  moves.set(name, { ...move, count: (moves.get(name)?.count ?? 0) + count } as Move);
}

/** Sorts the most frequent first. */
const byCount = <Move extends LevelMove>(moves: Map<string, Move>): Move[] =>
  [...moves.values()].sort((a, b) => b.count - a.count || a.from - b.from || a.to - b.to);
