/** Explains which mapping wins for a key, why the others do not, and what its requests would get. */

import type { PrioritySettings } from '../../config/config.ts';
import type { EffectiveSource, ShownRow } from '../../domain/mapping.ts';
import {
  allLevels,
  type Classifiable,
  type Classification,
  type Identity,
  type Level,
  type MappingMode,
  type XPriorityPolicy,
} from '../../domain/vocabulary.ts';
import { mappedClassify } from '../matching/classifier.ts';
import type { CompiledRow, Mapping, RankedRow } from '../matching/matcher.ts';
import { classifyBySettings } from '../matching/shadow.ts';
import { type Answer, answerFor, matchesKey } from './key-answer.ts';
import { shownRow } from './shown-row.ts';

export interface Question {
  /** The whole key, or its beginning. */
  readonly key: string;
  readonly isWhole: boolean;
  readonly asked: Level | null;
}

interface Situation {
  readonly ranked: readonly RankedRow[];
  /** Enabled rows that are unusable, and disabled rows. */
  readonly faulty: readonly CompiledRow[];
  readonly disabled: readonly CompiledRow[];
  readonly settings: PrioritySettings;
  readonly sourceOf: (id: number) => EffectiveSource;
  /** The owner of the key; null if unknown. */
  readonly owner: Identity | null;
}

/** The result of a row; the reason states it in a sentence. */
export const standings = ['wins', 'may_win', 'loses', 'no_match', 'switched_off', 'faulty'] as const;
type Standing = (typeof standings)[number];

interface ExplainedRow extends ShownRow {
  /** The source of the effective priority. */
  readonly effective_source: EffectiveSource;
  readonly answer: Answer;
  readonly wins: boolean;
  /** `loses` includes rows that only might match, and would lose then. */
  readonly standing: Standing;
  /** Why the row wins, loses or does not take part. */
  readonly reason: string;
}

/** The result for a request; fields are null if they depend on the unknown part of the key. */
interface Given {
  readonly priority: Level | null;
  readonly source: 'header' | 'mapping' | 'default' | null;
  readonly flow_id: string | null;
}

export interface Explanation extends Given {
  /** Only one row, or none, can win. */
  readonly certain: boolean;
  readonly winner: ExplainedRow | null;
  /** IDs of the rows of which one wins, unless none does; for a whole key only the winner's. */
  readonly possible_winners: number[];
  readonly tenant: Pick<ShownRow, 'tenant_id' | 'tenant_name' | 'tenant_type'> | null;
  /** For a whole key the matching rows, for a beginning all rows, in the order in which they win. */
  readonly mappings: ExplainedRow[];
  readonly mapping: { readonly enabled: boolean; readonly mode: MappingMode };
  /** The level that the mappings would give while they are off or in shadow mode. */
  readonly if_enforced: Given | null;
  readonly user_id: number | null;
  readonly x_priority: {
    readonly policy: XPriorityPolicy;
    readonly asked: Level | null;
    /** The levels that a request may choose by the header; null if they depend on the unknown part of the key. */
    readonly allowed: Level[] | null;
    readonly reason: string;
  };
}

/** The number of rows per step. */
const rowsPerStep = 128;

export function* explain(question: Question, situation: Situation): Generator<void, Explanation> {
  const { settings, owner } = situation;
  const answered = yield* answers(question, situation.ranked);
  const first = answered.findIndex(({ answer }) => answer === 'match');
  const inReach = first === -1 ? answered : answered.slice(0, first + 1);
  const possible = inReach.filter(({ answer }) => answer !== 'no match').map(({ mapping }) => mapping);
  const candidates: readonly (Mapping | null)[] = first === -1 ? [...possible, null] : possible;
  const certain = candidates.length === 1;
  const winner = certain ? (candidates[0] ?? null) : null;

  const isEnforced = settings.enabled.value && settings.mode.value === 'enforce';
  const toldOf = telling({ isEnforced, certain, possible, isLastSure: first !== -1 });
  const shown = answered
    .filter(({ answer }) => !question.isWhole || answer === 'match')
    .map(({ mapping, answer }) => ({
      ...shownRow(mapping),
      effective_source: situation.sourceOf(mapping.id),
      answer,
      wins: mapping === winner,
      ...toldOf(mapping, answer),
    }));
  const aside = yield* outsiders(question, situation);
  return {
    ...givenBy(effectively, candidates, question.asked, situation),
    certain,
    winner: shown.find(({ wins }) => wins) ?? null,
    possible_winners: possible.map(({ id }) => id),
    tenant: winner && tenantOf(winner),
    mappings: [...shown, ...aside],
    mapping: { enabled: settings.enabled.value, mode: settings.mode.value },
    if_enforced: isEnforced ? null : givenBy(enforced, candidates, question.asked, situation),
    user_id: owner?.userId ?? null,
    x_priority: policyFor(candidates, question.asked, situation),
  };
}

interface Answered {
  readonly mapping: Mapping;
  readonly answer: Answer;
}

function* answers({ key, isWhole }: Question, rows: readonly RankedRow[]): Generator<void, Answered[]> {
  const answered: Answered[] = [];
  for (const { pattern, mapping } of rows) {
    const answer = isWhole ? wholeAnswer(matchesKey(pattern, key)) : yield* answerFor(pattern, key);
    answered.push({ mapping, answer });
    if (pattern.kind === 'regex' || answered.length % rowsPerStep === 0) yield;
  }
  return answered;
}

const wholeAnswer = (isMatched: boolean): Answer => (isMatched ? 'match' : 'no match');

const tenantOf = ({ tenant_id, tenant_name, tenant_type }: Mapping) => ({ tenant_id, tenant_name, tenant_type });

interface Contest {
  readonly isEnforced: boolean;
  readonly certain: boolean;
  /** The rows of which one wins, best first. */
  readonly possible: readonly Mapping[];
  /** Whether the last of them certainly matches, so that it wins unless one before it does. */
  readonly isLastSure: boolean;
}

/** Returns a function that gives the standing of a row, and the reason for it. */
function telling({ isEnforced, certain, possible, isLastSure }: Contest) {
  const surest = isLastSure ? (possible.at(-1) ?? null) : null;
  const reach = new Set(possible);
  return (mapping: Mapping, answer: Answer): Pick<ExplainedRow, 'standing' | 'reason'> => {
    if (answer === 'no match') return noMatch;
    const isMatch = answer === 'match';
    if (!reach.has(mapping)) {
      const better = surest === null ? '' : lossTo(mapping, surest);
      return { standing: 'loses', reason: isMatch ? `loses: ${better}` : `may match, and loses then: ${better}` };
    }
    if (certain) {
      const wins = 'the first that matches in the order of priority and id';
      const reason = isEnforced ? `wins: ${wins}` : `would win, if the mappings were enforced: ${wins}`;
      return { standing: 'wins', reason };
    }
    const reason = isMatch ? 'wins, unless one before it does' : 'may match, and wins if none before it does';
    return { standing: 'may_win', reason };
  };
}

const noMatch = { standing: 'no_match', reason: 'does not match' } as const;
const switchedOff = {
  standing: 'switched_off',
  reason: 'takes no part: it is switched off (enabled is false)',
} as const;

const lossTo = (mapping: Mapping, winner: Mapping): string =>
  mapping.level === winner.level
    ? `mapping ${winner.id} has the same priority P${winner.level} and the smaller id`
    : `P${mapping.level} is worse than P${winner.level} of mapping ${winner.id}`;

/** Yields rows that match, or might, but take no part. */
function* outsiders({ key, isWhole }: Question, { faulty, disabled }: Situation): Generator<void, ExplainedRow[]> {
  const shown: ExplainedRow[] = [];
  for (const [at, row] of disabled.entries()) {
    const { source, pattern } = row;
    const answer = isWhole ? wholeAnswer(matchesKey(pattern, key)) : yield* answerFor(pattern, key);
    const isShown = !isWhole || answer === 'match';
    const told = answer === 'no match' ? noMatch : switchedOff;
    if (isShown) shown.push({ ...shownRow(source), effective_source: 'row', answer, wins: false, ...told });
    if (pattern.kind === 'regex' || at % rowsPerStep === rowsPerStep - 1) yield;
  }
  if (isWhole) return shown;
  return [
    ...shown,
    ...faulty.map(({ source, fault }) => ({
      ...shownRow(source),
      effective_source: 'row' as const,
      answer: 'no match' as const,
      wins: false,
      standing: 'faulty' as const,
      reason: `takes no part: it is faulty (${fault})`,
    })),
  ];
}

type Classifier = (settings: PrioritySettings, winner: Mapping | null, request: Classifiable) => Classification;

// An explanation is neither counted nor logged.
const silent = { keyMapped: () => {}, keyShadowed: () => {} };
const effectively: Classifier = (settings, winner, request) =>
  classifyBySettings({ settings, match: () => winner, events: silent })(request);
const enforced: Classifier = (settings, winner, request) =>
  mappedClassify({ settings, match: () => winner, events: silent })(request);

const nobody: Identity = { keyId: null, userId: null, role: null };

/** Returns the fields in which all candidates agree. */
function givenBy(
  classify: Classifier,
  candidates: readonly (Mapping | null)[],
  asked: Level | null,
  { settings, owner }: Situation,
): Given {
  let common: Given | null = null;
  for (const winner of candidates) {
    const { level, source, flowId } = classify(settings, winner, requestOf(owner, asked));
    const given = { priority: level, source, flow_id: flowId === 'anonymous' ? null : flowId };
    common = common === null ? given : shared(common, given);
    if (common.priority === null && common.source === null && common.flow_id === null) break;
  }
  return common ?? { priority: null, source: null, flow_id: null };
}

const shared = (a: Given, b: Given): Given => ({
  priority: a.priority === b.priority ? a.priority : null,
  source: a.source === b.source ? a.source : null,
  flow_id: a.flow_id === b.flow_id ? a.flow_id : null,
});

const requestOf = (owner: Identity | null, asked: Level | null): Classifiable => ({
  identity: owner ?? nobody,
  // Any text will do: the winning mapping is known already.
  key: 'explained',
  asked: asked === null ? undefined : String(asked),
});

function policyFor(
  candidates: readonly (Mapping | null)[],
  asked: Level | null,
  situation: Situation,
): Explanation['x_priority'] {
  const policy = situation.settings.x_priority.value;
  // Candidates with the same level and type of tenant are treated alike.
  const kinds = new Map(candidates.map(one => [`${one?.level} ${one?.tenant_type}`, one]));
  const granted = (level: Level) => givenBy(effectively, [...kinds.values()], level, situation).priority;
  const levels = allLevels.map(granted);
  const allowed = levels.includes(null) ? null : allLevels.filter(level => levels[level] === level);
  return { policy, asked, allowed, reason: policyReasons[policy] };
}

const policyReasons: { readonly [Policy in XPriorityPolicy]: string } = {
  allow: 'allow: every request may choose any level',
  internal: 'internal: internal tenants choose any level, everyone else may only lower their own',
  lower: 'lower: every request may only lower its own level',
  ignore: 'ignore: the header counts for nothing',
};
