/**
 * The settings in effect of one pool: the stored rows over the configured values (environment, file, default),
 * by the rules of the configuration. Rows are written by hand too, so they may hold anything.
 *
 *   an unusable row              its key keeps the last good stored value, else the configured one
 *   rows that contradict         the pool keeps all its values; at the start, when it has none yet, the keys
 *   each other                   concerned fall back to the configured values
 */
import type { PoolConfig, PoolSettings } from '../config/config.ts';
import { closest } from '../config/file/suggestion.ts';
import { type PoolKey, type PoolValues, poolKeys } from '../config/keys.ts';
import { type PoolFault, poolFaults, toPoolSettings } from '../config/pools/pool-rules.ts';
import type { Setting } from '../domain/vocabulary.ts';

/** A row of one pool. */
export interface StoredValue {
  readonly key: string;
  readonly value: string;
}

export interface EffectivePool {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly values: PoolValues;
  /** The keys whose values come from schedules. */
  readonly scheduled?: ReadonlySet<PoolKey>;
  /** Why the rows are not in effect as they stand; null if they are. */
  readonly fault: string | null;
}

/** By key; the values are those that the rules of the keys parse. */
type Values = Record<string, Setting<unknown>>;

interface Combined {
  readonly values: PoolValues;
  /** Faults of single rows. */
  readonly unusable: readonly string[];
  /** Faults of all values together. */
  readonly unfit: readonly PoolFault[];
}

export const allPoolKeys = Object.keys(poolKeys) as readonly PoolKey[];
export const isPoolKey = (key: string): key is PoolKey => Object.hasOwn(poolKeys, key);

/** Rows over configuration, whether it fits or not. `before`: what was in effect until now. */
export const combine = (
  { seats, values: configured }: PoolConfig,
  rows: readonly StoredValue[],
  before: PoolValues | null,
): Combined => {
  const values: Values = { ...configured };
  const unusable: string[] = [];
  for (const { key, value } of rows) {
    const parsed = parseRow(key, value);
    if ('fault' in parsed) unusable.push(parsed.fault);
    else if (parsed.value !== null) values[key] = { value: parsed.value, source: 'database' };
    const last = isPoolKey(key) ? before?.[key] : undefined;
    if ('fault' in parsed && last?.source === 'database') values[key] = last;
  }
  const complete = values as unknown as PoolValues;
  return { values: complete, unusable, unfit: poolFaults(seats, complete) };
};

/** A value of null: an empty one, which is none, as in the file. */
const parseRow = (key: string, text: string): { value: unknown } | { fault: string } => {
  if (!isPoolKey(key)) {
    const near = closest(key, allPoolKeys);
    return {
      fault: `${shown(key)} is unknown: ${near === null ? `there are ${allPoolKeys.join(', ')}` : `is ${near} meant?`}`,
    };
  }
  const { parse, allowed, spelling = '' } = poolKeys[key];
  const value = text.trim() === '' ? null : parse(text.trim());
  return value === undefined ? { fault: `${key} must be ${allowed}${spelling}, not ${shown(text)}` } : { value };
};

const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

/** `before`: what is in effect until now; null at the start. */
export const effectivePool = (
  configured: PoolConfig,
  rows: readonly StoredValue[],
  before: EffectivePool | null,
): EffectivePool => {
  const { values, unusable, unfit } = combine(configured, rows, before?.values ?? null);
  const faults = [...unusable, ...unfit.map(sentenceOf)];
  const fault = faults.length === 0 ? null : faults.join('; ');
  if (unfit.length > 0 && before !== null) return { ...before, fault };
  const fitting = unfit.length === 0 ? values : fallBack(configured, values, unfit);
  return { name: configured.name, values: fitting, settings: settingsOf(configured, fitting), fault };
};

/** The configured values fit together, so this ends: each round removes at least one stored value. */
const fallBack = (configured: PoolConfig, values: PoolValues, unfit: readonly PoolFault[]): PoolValues => {
  if (unfit.length === 0) return values;
  const without: Values = { ...values };
  for (const key of unfit.flatMap(({ keys }) => keys)) without[key] = configured.values[key];
  const next = without as unknown as PoolValues;
  return fallBack(configured, next, poolFaults(configured.seats, next));
};

/** Another configuration under the stored values that are in effect; `unfit`: what does not fit together then. */
export const overlaid = (
  configured: PoolConfig,
  before: EffectivePool,
): EffectivePool & { readonly unfit: readonly PoolFault[] } => {
  const stored = allPoolKeys.filter(key => before.values[key].source === 'database');
  const values = {
    ...configured.values,
    ...Object.fromEntries(stored.map(key => [key, before.values[key]])),
  } as PoolValues;
  const unfit = poolFaults(configured.seats, values);
  return { name: configured.name, values, settings: settingsOf(configured, values), fault: before.fault, unfit };
};

const settingsOf = ({ seats }: PoolConfig, values: PoolValues): PoolSettings => toPoolSettings(seats, values);

export const sentenceOf = ({ keys: [key], message }: PoolFault): string => `${key} ${message}`;

/** A file may be sound by itself and yet not under what is stored. */
export const unfitFaults = (configured: PoolConfig, before: EffectivePool) =>
  overlaid(configured, before).unfit.map(({ keys: [key], message }) => ({
    section: `pool.${configured.name}`,
    key,
    message: `${message} (together with what is stored by the admin API or SQL)`,
  }));
