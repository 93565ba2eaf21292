/** The requests and answers about boosts and schedules. */
import { type Static, Type } from 'typebox';
import { mappingRow, mappingScheduleRow, poolScheduleRow } from '../../../db/schema.ts';
import { field, fields, listOf, moment, nullable, oneOf, priority } from '../../../domain/shape.ts';
import { maxReasonLength } from '../../../priority/priority.ts';
import { ruleAllowed, weekdayNames } from '../../../schedules/schedules.ts';
import { description, page, rowId } from './contract.ts';

const { Optional } = Type;

export const newBoost = fields({
  priority,
  until: Optional(field(Type.String({ maxLength: 64 }), 'a moment with its zone, such as 2030-01-31T18:00:00+08:00')),
  for: Optional(field(Type.Integer({ minimum: 1 }), 'a whole number of seconds from 1')),
  reason: field(
    Type.String({ minLength: 1, maxLength: maxReasonLength }),
    `a text that says why, of 1 to ${maxReasonLength} characters`,
  ),
});

const rule = {
  weekdays: field(Type.Array(oneOf(weekdayNames), { minItems: 1, maxItems: 7 }), `a list of ${ruleAllowed.weekdays}`),
  start: field(Type.String({ maxLength: 5 }), ruleAllowed.start),
  end: field(Type.String({ maxLength: 5 }), ruleAllowed.end),
  zone: field(Type.String({ maxLength: 64 }), ruleAllowed.zone),
};
const rulePatch = {
  weekdays: Optional(rule.weekdays),
  start: Optional(rule.start),
  end: Optional(rule.end),
  zone: Optional(rule.zone),
};

export const newSchedule = fields({ mapping_id: rowId, priority, ...rule, description });
export const schedulePatch = fields({ priority: Optional(priority), ...rulePatch, description });
export const scheduleFilter = fields({ mapping_id: Optional(rowId), ...page });

/** As in the rows, which may hold any text if written by hand. */
const shown = {
  weekdays: Type.Array(Type.String()),
  start: Type.String(),
  end: Type.String(),
  /** Its window is open now. */
  is_open: Type.Boolean(),
  /** Why it is left out; null if it is not. */
  fault: nullable(Type.String()),
};
const { weekdays: _days, start_time: _start, end_time: _end, ...mappingColumns } = mappingScheduleRow.properties;
const { pattern, tenant_id, tenant_name } = mappingRow.properties;
/** Null where there is none. */
const mapping = nullable(fields({ pattern, tenant_id, tenant_name }));
export const schedule = fields({ ...mappingColumns, mapping, ...shown });
export const scheduleList = fields({ schedules: Type.Array(schedule), total: Type.Integer() });

const windowFields = {
  schedule_id: Type.Integer(),
  start: moment,
  end: moment,
  local_start: moment,
  local_end: moment,
};
const previewOf = <T extends ReturnType<typeof fields>>(window: T) =>
  fields({ from: moment, until: moment, windows: Type.Array(window), total: Type.Integer() });
export const schedulePreview = previewOf(
  fields({ ...windowFields, mapping_id: Type.Integer(), mapping, priority: Type.Integer() }),
);

const value = field(
  Type.Union([
    Type.String({ maxLength: 500 }),
    Type.Number(),
    Type.Boolean(),
    Type.Array(Type.Number(), { maxItems: 10 }),
  ]),
  'what the setting allows',
);
export const newPoolSchedule = fields({
  key: field(Type.String({ maxLength: 64 }), 'the name of a setting of pools, such as weights'),
  value,
  ...rule,
  description,
});
export const poolSchedulePatch = fields({ value: Optional(value), ...rulePatch, description });
const { weekdays: _d, start_time: _s, end_time: _e, ...poolColumns } = poolScheduleRow.properties;
const shownValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), listOf(Type.Number())]);
export const poolSchedule = fields({ ...poolColumns, ...shown, value: shownValue });
export const poolScheduleList = fields({ schedules: Type.Array(poolSchedule), total: Type.Integer() });
export const poolSchedulePreview = previewOf(fields({ ...windowFields, key: Type.String(), value: shownValue }));

export type NewBoost = Static<typeof newBoost>;
export type NewSchedule = Static<typeof newSchedule>;
export type SchedulePatch = Static<typeof schedulePatch>;
export type ScheduleFilter = Static<typeof scheduleFilter>;
export type Schedule = Static<typeof schedule>;
export type ScheduleList = Static<typeof scheduleList>;
export type SchedulePreview = Static<typeof schedulePreview>;
export type NewPoolSchedule = Static<typeof newPoolSchedule>;
export type PoolSchedulePatch = Static<typeof poolSchedulePatch>;
export type PoolSchedule = Static<typeof poolSchedule>;
export type PoolScheduleList = Static<typeof poolScheduleList>;
export type PoolSchedulePreview = Static<typeof poolSchedulePreview>;
