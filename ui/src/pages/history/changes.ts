import type { HistoryEntry } from '../../api/history.ts';

export type Image = HistoryEntry['before'];

/** One field before and after; undefined: the object did not exist. */
export interface FieldChange {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly isChanged: boolean;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
/** This field changes every time, so it is not shown. */
const isTold = (field: string): boolean => field !== 'updated_at';
const isSaid = (value: unknown): boolean => value !== undefined && value !== null;

/** Compares field by field, in the order of the row. */
export function fieldChanges(before: Image, after: Image): FieldChange[] {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return fields.map(field => {
    const [old, now] = [before?.[field], after?.[field]];
    const isChanged = isTold(field) && !isSame(old, now) && (isSaid(old) || isSaid(now));
    return { field, before: old, after: now, isChanged };
  });
}

/** Whether both are equal except for fields that change every time. */
export const isSameImage = (a: Image, b: Image): boolean =>
  (a === null) === (b === null) && fieldChanges(a, b).every(({ isChanged }) => !isChanged);
