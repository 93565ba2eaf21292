import { type Static, Type } from 'typebox';
import { count, field, fields, levelNumber, listOf, nullable, oneOf } from '../../../domain/shape.ts';
import { dialects } from '../../../domain/vocabulary.ts';
import { page } from './contract.ts';

/** The routes of `[model.NAME]`, and which of them a request takes. */
export const asksForModel = {
  model: Type.Optional(
    field(Type.String({ minLength: 1, maxLength: 1_000 }), 'the name of a model, 1 to 1000 characters'),
  ),
  dialect: Type.Optional(oneOf(dialects)),
};

/** `place`: from 1; targets of one place share it by weight. */
const target = {
  place: Type.Integer({ minimum: 1 }),
  provider: Type.String(),
  model: Type.String(),
  pool: Type.String(),
  weight: Type.Integer({ minimum: 1 }),
};
/** Null: nothing spills. */
const spill = {
  spill_after_sec: nullable(Type.Number({ minimum: 0 })),
  spill_levels: nullable(listOf(levelNumber)),
};

/** `targets` is written as in the file; `order` is the same, read. */
export const listedRoute = fields({
  name: Type.String(),
  aliases: listOf(Type.String()),
  targets: Type.String(),
  order: listOf(fields({ ...target, pool: nullable(Type.String()), dialects: listOf(oneOf(dialects)) })),
  ...spill,
  source: oneOf(['file', 'database']),
});
export type ListedRoute = Static<typeof listedRoute>;

export const routeFilter = fields(page);
export const routeList = fields({ routes: listOf(listedRoute), total: count });
export type RouteList = Static<typeof routeList>;

/**
 * `name`: null where no route has the name, so that the first provider serves it whose models match. `spills`: whether a
 * request of this level may go to the next target rather than wait; null: that depends on the level, which is not known.
 */
export const explainedRoute = fields({
  asked: Type.String(),
  dialect: oneOf(dialects),
  name: nullable(Type.String()),
  targets: listOf(fields(target)),
  ...spill,
  spills: nullable(Type.Boolean()),
  reason: Type.String(),
});
export type ExplainedRoute = Static<typeof explainedRoute>;
