/** Which way a request takes, in words. */
import { asGatewayError } from '../../../domain/errors.ts';
import type { Dialect, Level } from '../../../domain/vocabulary.ts';
import { shownModel, type Way } from '../../../upstreams/upstreams.ts';
import type { ExplainedRoute } from '../contract/route.ts';
import type { RouteService } from './routes.ts';

interface Asked {
  readonly model: string;
  readonly dialect: Dialect;
  /** Null: it depends on what is not known of the key. */
  readonly level: Level | null;
}

export function explainRoute({ wayOf }: Pick<RouteService, 'wayOf'>, { model, dialect, level }: Asked): ExplainedRoute {
  const asked = { asked: model, dialect };
  try {
    const way = wayOf(dialect, model);
    const targets = targetsOf(way);
    const reason = [nameText(way, model), orderText(targets), spillText(way, targets, level)].join(' ').trimEnd();
    return { ...asked, name: way.name, targets, ...spillOf(way, level), reason };
  } catch (error) {
    const known = asGatewayError(error);
    if (known.code !== 'model_not_found') throw error;
    return { ...asked, name: null, targets: [], ...spillOf({ spill: null }, level), reason: known.message };
  }
}

type Targets = ExplainedRoute['targets'];

const targetsOf = ({ groups }: Way): Targets =>
  groups.flatMap((group, index) =>
    group.map(({ target: { provider, model }, weight }) => {
      const { name, pool } = provider;
      return { place: index + 1, provider: name, model, pool, weight };
    }),
  );

type ExplainedSpill = Pick<ExplainedRoute, 'spill_after_sec' | 'spill_levels' | 'spills'>;

function spillOf({ spill }: Pick<Way, 'spill'>, level: Level | null): ExplainedSpill {
  if (spill === null) return { spill_after_sec: null, spill_levels: null, spills: false };
  return {
    spill_after_sec: spill.afterMs / 1000,
    spill_levels: [...spill.levels],
    spills: level === null ? null : spill.levels.has(level),
  };
}

function nameText({ name }: Way, model: string): string {
  if (name === null) return 'No route has this name, so the first provider serves it whose models match.';
  return name === model ? 'The name has a route.' : `The name is an alias of the route ${shownModel(name)}.`;
}

function orderText(targets: Targets): string {
  const places = new Map<number, Targets[number][]>();
  for (const target of targets) places.set(target.place, [...(places.get(target.place) ?? []), target]);
  return `Requests go to ${[...places.values()].map(placeText).join(', then to ')}.`;
}

function placeText(targets: Targets): string {
  const sum = targets.reduce((total, { weight }) => total + weight, 0);
  const share = (weight: number) => (targets.length === 1 ? '' : ` for ${weight} of ${sum}`);
  return targets
    .map(({ provider, model, pool, weight }) => `${provider} as ${shownModel(model)} (pool ${pool})${share(weight)}`)
    .join(' or ');
}

function spillText({ spill }: Way, targets: Targets, level: Level | null): string {
  if (spill === null)
    return targets.length > 1 ? 'None goes to a later target only because it would have to wait.' : '';
  const levels = [...spill.levels].map(one => `P${one}`).join(', ');
  const longer = `would wait longer than ${spill.afterMs / 1000} s for the pool of its target`;
  if (level === null) return `One of ${levels} that ${longer} may go to the next; other levels wait.`;
  if (spill.levels.has(level)) return `A request of P${level} that ${longer} may go to the next.`;
  return `A request of P${level} waits for the pool of its target: only ${levels} may go to the next.`;
}
