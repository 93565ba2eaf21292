/** The settings of a pool in the groups of the page, and as the values of its form. */
import type { PoolKey, PoolPatch, PoolValue, ShownPool } from '../../api/pools.ts';

type Kind = 'policy' | 'sharing' | 'flag' | 'number' | 'levels';
export type Unit = 'seconds' | 'perSec' | 'tokens' | 'requests' | 'mb';
export interface PoolSetting {
  readonly key: PoolKey;
  readonly kind: Kind;
  readonly unit?: Unit;
}

const poolGroups = {
  sharing: [
    { key: 'policy', kind: 'policy' },
    { key: 'share_by', kind: 'sharing' },
    { key: 'weights', kind: 'levels' },
    { key: 'reserved', kind: 'levels' },
    { key: 'cap', kind: 'levels' },
  ],
  limits: [
    { key: 'max_concurrent', kind: 'number' },
    { key: 'requests_per_sec', kind: 'number', unit: 'perSec' },
    { key: 'request_burst', kind: 'number', unit: 'requests' },
    { key: 'tokens_per_sec', kind: 'number', unit: 'perSec' },
    { key: 'token_burst', kind: 'number', unit: 'tokens' },
    { key: 'max_tokens_in_flight', kind: 'number', unit: 'tokens' },
    { key: 'aimd', kind: 'flag' },
  ],
  waiting: [
    { key: 'queue_timeout_sec', kind: 'levels', unit: 'seconds' },
    { key: 'max_queue_depth', kind: 'levels', unit: 'requests' },
    { key: 'max_queue_depth_pool', kind: 'number', unit: 'requests' },
    { key: 'max_queued_mb', kind: 'number', unit: 'mb' },
    { key: 'queue_drain_sec', kind: 'number', unit: 'seconds' },
  ],
} as const satisfies Record<string, readonly PoolSetting[]>;
type PoolGroup = keyof typeof poolGroups;
export const groupNames = Object.keys(poolGroups) as PoolGroup[];
export const settingsOf = (group: PoolGroup): readonly PoolSetting[] => poolGroups[group];

const allSettings = groupNames.flatMap(group => [...settingsOf(group)]);
export const allKeys: readonly PoolKey[] = allSettings.map(({ key }) => key);
export const levelSettings = allSettings.filter(({ kind }) => kind === 'levels');

/** The value of a number field is a text while it is typed and when it is empty. */
export type Typed = number | string;
export type FormValue = Typed | boolean | readonly Typed[];
export type FormValues = Record<PoolKey, FormValue>;

const ten = (value: Typed): readonly Typed[] => Array<Typed>(10).fill(value);
export const isLevels = (value: PoolValue | FormValue): value is readonly number[] => Array.isArray(value);

export function valueInForm({ key, kind }: PoolSetting, pool: ShownPool): FormValue {
  const value = pool[key];
  if (kind !== 'levels') return (value ?? '') as FormValue;
  return isLevels(value) ? value : ten('');
}

export const valuesInForm = (pool: ShownPool): FormValues =>
  Object.fromEntries(allSettings.map(setting => [setting.key, valueInForm(setting, pool)])) as FormValues;

export const isSame = (one: FormValue, other: FormValue): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Returns the changes since `base` in the form of the API. The gateway validates the values. */
export function patchOf(base: FormValues, values: FormValues, seats: number): PoolPatch {
  const changed = allKeys.filter(key => !isSame(base[key], values[key]));
  return Object.fromEntries(changed.map(key => [key, sent(key, values[key], seats)])) as PoolPatch;
}

/** An empty field deletes the stored value. */
function sent(key: PoolKey, value: FormValue, seats: number): unknown {
  if (value === '') return null;
  if (!Array.isArray(value)) return value;
  if (value.every(one => one === '')) return null;
  // A level without a cap may use all seats; any other list must be complete.
  return value.map(one => (one !== '' ? one : key === 'cap' ? seats : null));
}
