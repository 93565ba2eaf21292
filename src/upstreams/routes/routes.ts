/**
 * The routes of `[model.NAME]` by all their names. A request takes the targets that serve its dialect, group by group;
 * the targets of one group are drawn by weight, so that each is first as often as its share says, and the others follow
 * as the targets that are tried next.
 */
import type { RouteConfig } from '../../config/config.ts';
import { errors } from '../../domain/errors.ts';
import type { Dialect } from '../../domain/vocabulary.ts';
import type { Route, Spill, Target, Upstream } from '../provider.ts';

interface Share {
  readonly target: Target;
  readonly weight: number;
}

/** The targets of a route for one dialect, in their order. */
export interface Way {
  /** That of `[model.NAME]`; null: the provider was found by its own `models`. */
  readonly name: string | null;
  readonly groups: readonly (readonly Share[])[];
  readonly spill: Spill | null;
}

interface Compiled {
  /** Null: no target serves the dialect. */
  readonly way: Way | null;
  /** The route of every request, if there is nothing to draw. */
  readonly fixed: Route | null;
}

type ByDialect = Readonly<Record<Dialect, Compiled>>;

export class Routes {
  readonly #random: () => number;
  #routes: readonly RouteConfig[] = [];
  #byName: ReadonlyMap<string, ByDialect> = new Map();

  /** `random` returns numbers from 0 to 1, without 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** In the order in which they were given. */
  get all(): readonly RouteConfig[] {
    return this.#routes;
  }

  /** Replaces all routes at once. A target is left out whose provider is not among these. */
  configure(routes: readonly RouteConfig[], providers: ReadonlyMap<string, Upstream>): void {
    const byName = new Map<string, ByDialect>();
    for (const route of routes) {
      const compiled = {
        openai: compile(route, 'openai', providers),
        anthropic: compile(route, 'anthropic', providers),
      };
      for (const name of [route.name, ...route.aliases]) byName.set(name, compiled);
    }
    this.#routes = routes;
    this.#byName = byName;
  }

  /** Undefined: no route has this name. */
  isServed(dialect: Dialect, name: string): boolean | undefined {
    const compiled = this.#byName.get(name)?.[dialect];
    return compiled && compiled.way !== null;
  }

  /** Null: no route has this name. Throws `model_not_found` if the route has no target for the dialect. */
  resolve(dialect: Dialect, name: string): Route | null {
    if (this.#byName.size === 0) return null;
    const compiled = this.#byName.get(name)?.[dialect];
    if (compiled === undefined) return null;
    return compiled.fixed ?? drawn(wayIn(compiled, name), this.#random);
  }

  /** The same before anything is drawn. */
  wayOf(dialect: Dialect, name: string): Way | null {
    const compiled = this.#byName.get(name)?.[dialect];
    return compiled === undefined ? null : wayIn(compiled, name);
  }

  /** The names that a client of this dialect may ask for, each route's own name before its aliases. */
  *namesFor(dialect: Dialect): Generator<string> {
    for (const [name, compiled] of this.#byName) if (compiled[dialect].way !== null) yield name;
  }
}

function wayIn({ way }: Compiled, name: string): Way {
  if (way !== null) return way;
  throw errors.modelNotFound(`No target of the model \`${shownModel(name)}\` serves this route.`);
}

function compile(route: RouteConfig, dialect: Dialect, providers: ReadonlyMap<string, Upstream>): Compiled {
  const groups = route.groups
    .map(group =>
      group.flatMap(({ provider: name, model, weight }) => {
        const provider = providers.get(name);
        return provider?.serves(dialect) ? [{ target: { provider, model: model ?? route.name }, weight }] : [];
      }),
    )
    .filter(group => group.length > 0);
  if (groups.length === 0) return { way: null, fixed: null };
  const spill = route.spill && { afterMs: route.spill.afterMs, levels: new Set(route.spill.levels) };
  const way = { name: route.name, groups, spill };
  return { way, fixed: groups.every(group => group.length === 1) ? drawn(way, () => 0) : null };
}

/** The order of the targets for one request. */
function drawn({ name, groups, spill }: Way, random: () => number): Route {
  const targets: Target[] = [];
  for (const group of groups) draw(group, random, targets);
  const [first, ...others] = targets;
  if (first === undefined) throw new Error('a way without targets');
  return { name, targets: [first, ...others], spill };
}

/** Draws one after the other, each by its share of those that are left. */
function draw(group: readonly Share[], random: () => number, targets: Target[]): void {
  const left = group.slice();
  let sum = 0;
  for (const { weight } of left) sum += weight;
  while (left.length > 0) {
    const [share] = left.splice(left.length === 1 ? 0 : drawnPlace(left, random() * sum), 1);
    if (share === undefined) return;
    targets.push(share.target);
    sum -= share.weight;
  }
}

/** `at` lies between 0 and the sum of the weights. */
function drawnPlace(shares: readonly Share[], at: number): number {
  let rest = at;
  let place = 0;
  for (const { weight } of shares) {
    rest -= weight;
    if (rest < 0) return place;
    place++;
  }
  // Rounding may leave nothing to the last.
  return shares.length - 1;
}

const maxNameShown = 100;

/** Returns a model's name as it is shown in a sentence. */
export const shownModel = (model: string): string =>
  model.length > maxNameShown ? `${model.slice(0, maxNameShown)}…` : model;
