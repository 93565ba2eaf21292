/** A pool as the admin API shows it: values in the units and under the names of the file, each with its source. */
import { type Static, Type } from 'typebox';
import type { TenantConfig } from '../config/config.ts';
import { type PoolKey, type PoolValues, poolKeys } from '../config/keys.ts';
import type { JsonSetting } from '../config/pools/pool-rules.ts';
import { count, field, fields, nullable, ofEach, tenNumbers } from '../domain/shape.ts';
import type { Sharing } from '../domain/shown/pool-share.ts';
import { settingSources } from '../domain/vocabulary.ts';
import { allPoolKeys, type EffectivePool, isPoolKey } from './effective-pool.ts';

const value = (key: PoolKey) =>
  field(nullable(Type.Union([Type.String(), Type.Number(), Type.Boolean(), tenNumbers])), poolKeys[key].allowed);
const source = Type.Enum(['schedule', ...settingSources]);

export const pool = fields({
  name: Type.String(),
  seats: count,
  ...ofEach(poolKeys, value),
  /** `schedule`: a window of a stored schedule is open. */
  source: fields(ofEach(poolKeys, () => source)),
  /** Why the stored values are not in effect unchanged; null if they are. */
  fault: nullable(Type.String()),
});
export type ShownPool = Static<typeof pool>;

/** How a pool is shared, and the weights of its tenants. */
export interface SharedPool extends Sharing {
  readonly name: string;
  readonly weightOf: (flowId: string) => number;
}

export const sharedPool = (
  { name, settings: { policy, shareBy, weights } }: EffectivePool,
  tenants: ReadonlyMap<string, Pick<TenantConfig, 'weight'>>,
): SharedPool => ({ name, policy, shareBy, weights, weightOf: flowId => tenants.get(flowId)?.weight ?? 1 });

const seconds = (ms: number): number => ms / 1_000;
const megabytes = (bytes: number): number => bytes / 2 ** 20;

export const shownPool = ({ name, settings: { seats }, values, scheduled, fault }: EffectivePool): ShownPool => {
  const entries = allPoolKeys.map(key => [key, shownValue(key, values)] as const);
  const sources = allPoolKeys.map(key => [key, scheduled?.has(key) ? 'schedule' : values[key].source] as const);
  const shown = Object.fromEntries(entries) as Pick<ShownPool, PoolKey>;
  return { name, seats, ...shown, source: Object.fromEntries(sources) as ShownPool['source'], fault };
};

export const shownValue = (key: PoolKey, values: PoolValues): JsonSetting | null => {
  if (key === 'queue_drain_sec') return seconds(values[key].value);
  if (key === 'queue_timeout_sec') return values[key].value.map(seconds);
  return key === 'max_queued_mb' ? megabytes(values[key].value) : values[key].value;
};

/** Returns the value of a row as JSON; its text if the key does not allow it. */
export const shownText = (key: string, text: string): JsonSetting => {
  if (!isPoolKey(key)) return text;
  const value = poolKeys[key].parse(text.trim());
  if (value === undefined) return text;
  return shownValue(key, { [key]: { value, source: 'database' } } as unknown as PoolValues) ?? text;
};
