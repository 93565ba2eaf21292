import type { Setting } from '../../domain/vocabulary.ts';
import type { PoolConfig } from '../config.ts';
import type { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { closest } from '../file/suggestion.ts';
import { mostSeats, type PoolValues, poolKeys, type sections } from '../keys.ts';
import { type ProviderSettings, poolOf, seatsInAll } from '../providers/provider-settings.ts';
import type { Values } from '../values.ts';
import { poolFaults, toPoolSettings } from './pool-rules.ts';

type Own = Values<typeof poolKeys>;
type Shared = Values<(typeof sections)['scheduler']>;

/** The parts of one pool that could be read; a part at fault is missing. */
export interface PoolRead {
  readonly name: string;
  /** Of all its endpoints. */
  readonly seats: number;
  readonly own: Partial<Own>;
}

const prefix = 'pool.';

/** Reads every pool that a provider takes its seats from; the pool's own section may be missing. */
export const readPools = (
  providers: readonly ProviderSettings[],
  { written, reader, faults }: { written: SettingFile; reader: SettingsReader; faults: FaultList },
): PoolRead[] => {
  refuseUnknown(providers, written, faults);
  return [...seatsOf(providers, faults)].map(([name, seats]) => {
    const own = reader.read(`${prefix}${name}`, poolKeys);
    for (const { keys, message } of poolFaults(seats, own)) faults.add(`${prefix}${name}`, keys[0], message);
    return { name, seats, own };
  });
};

/**
 * Of a provider alone, those of all its endpoints; as many as there may be where its addresses are not known yet.
 * Providers of one pool share its seats: the one `max_concurrent` that is set, else the default.
 */
const seatsOf = (providers: readonly ProviderSettings[], faults: FaultList): Map<string, number> => {
  const pools = new Map<string, { seats: number; givenBy: string | null }>();
  for (const provider of providers) {
    const asked = provider.common.max_concurrent;
    const name = poolOf(provider);
    const pool = pools.get(name);
    if (asked === undefined || (pool !== undefined && asked.source === 'default')) continue;
    if (pool === undefined || pool.givenBy === null) {
      pools.set(name, { seats: asked.value, givenBy: asked.source === 'default' ? null : provider.name });
    } else if (pool.seats !== asked.value) {
      faults.add(
        `provider.${provider.name}`,
        'max_concurrent',
        `the pool ${name} is given ${pool.seats} seats by [provider.${pool.givenBy}] and ${asked.value} here; give one figure`,
      );
    }
  }
  const byPool = Map.groupBy(providers, poolOf);
  const inAll = (name: string, seats: number) => {
    const [first, ...others] = byPool.get(name) ?? [];
    return first === undefined || others.length > 0 ? seats : (seatsInAll(first) ?? mostSeats);
  };
  return new Map([...pools].map(([name, { seats }]) => [name, inAll(name, seats)]));
};

const refuseUnknown = (providers: readonly ProviderSettings[], written: SettingFile, faults: FaultList): void => {
  // A fault of a provider's pool, or a missing provider, is reported already.
  if (providers.length === 0 || providers.some(({ common }) => common.pool === undefined)) return;
  const names = new Set(providers.map(poolOf));
  for (const section of written.keys()) {
    const name = section.slice(prefix.length);
    if (!section.startsWith(prefix) || names.has(name)) continue;
    const near = closest(name, names);
    const hint = near === null ? `there are ${[...names].join(', ')}` : `is ${near} meant?`;
    faults.add(section, null, `no provider has this pool: ${hint}`);
  }
};

/** To be called only if there are no faults. */
export const toPool = ({ name, seats, own: read }: PoolRead, shared: Shared): PoolConfig => {
  const own = read as Own;
  const or = <T>(mine: Setting<T | null>, all: Setting<T>): Setting<T> => (isGiven(mine) ? mine : all);
  const values: PoolValues = {
    ...own,
    policy: or(own.policy, shared.policy),
    share_by: or(own.share_by, shared.share_by),
    weights: or(own.weights, shared.weights),
    queue_timeout_sec: or(own.queue_timeout_sec, shared.queue_timeout_sec),
    max_queue_depth: or(own.max_queue_depth, shared.max_queue_depth),
    max_queue_depth_pool: or(own.max_queue_depth_pool, shared.max_queue_depth_pool),
    max_queued_mb: or(own.max_queued_mb, shared.max_queued_mb),
  };
  return { name, seats, settings: toPoolSettings(seats, values), values };
};

const isGiven = <T>(setting: Setting<T | null>): setting is Setting<T> => setting.value !== null;
