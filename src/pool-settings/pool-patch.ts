/** The body of a PUT for a pool, and its changes of the rows. */
import { type PoolKey, poolKeys } from '../config/keys.ts';
import { isPoolValue, type JsonSetting, spelled } from '../config/pools/pool-rules.ts';
import { errors } from '../domain/errors.ts';
import { isPoolKey, type StoredValue } from './effective-pool.ts';

/** A field that is absent stays; null takes the row away. */
export type PoolPatch = { readonly [Key in PoolKey]?: JsonSetting | null | undefined };

/** A value of null takes the row away. */
export interface PoolChange {
  readonly key: PoolKey;
  readonly value: string | null;
}

/** Throws `invalid_request` with all that is at fault. */
export const changesOf = (patch: PoolPatch): PoolChange[] => {
  const changes: PoolChange[] = [];
  const faults: { key: string; message: string }[] = [];
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (!isPoolKey(key)) faults.push({ key, message: `there is no setting '${key}'` });
    else if (value === null) changes.push({ key, value: null });
    else if (isPoolValue(key, value)) changes.push({ key, value: spelled(value) });
    else faults.push({ key, message: `${key} must be ${poolKeys[key].allowed}, or null` });
  }
  if (faults.length === 0) return changes;
  throw errors.invalidRequest(`${faults.map(({ message }) => message).join('; ')}.`, faults[0]?.key);
};

/** The rows as they are once the changes are made. */
export const applied = (rows: readonly StoredValue[], changes: readonly PoolChange[]): StoredValue[] => {
  const after = new Map<string, string>(rows.map(({ key, value }) => [key, value]));
  for (const { key, value } of changes) {
    if (value === null) after.delete(key);
    else after.set(key, value);
  }
  return [...after].map(([key, value]) => ({ key, value }));
};
