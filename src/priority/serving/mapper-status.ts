/** The status of the mapper: after a reload, and on request. */
import type { Loaded } from './snapshot-loader.ts';

export interface Reloaded {
  readonly usable: number;
  readonly internalTenants: number;
  readonly externalTenants: number;
  readonly durationMs: number;
}

export interface MapperStatus {
  /** A snapshot serves. */
  readonly loaded: boolean;
  /** The last reload failed: what serves may be older than the tables. */
  readonly degraded: boolean;
  /** The moment as of which the rows were read. */
  readonly loadedAt: Date | null;
  readonly ageMs: number | null;
  /** The time after which the rows count as old: the next lookup has them read again. */
  readonly reloadBy: Date | null;
  /** Enabled rows: usable and faulty ones. */
  readonly size: number;
  readonly usable: number;
  readonly faulty: number;
  /** Mapping is switched on. */
  readonly enabled: boolean;
}

export function statusOf(
  loaded: Loaded | null,
  { now, degraded, enabled, ttlMs }: { now: number; degraded: boolean; enabled: boolean; ttlMs: number },
): MapperStatus {
  const usable = loaded?.compiled.snapshot.size ?? 0;
  const size = loaded?.rows.length ?? 0;
  return {
    loaded: loaded !== null,
    degraded,
    loadedAt: loaded?.readDate ?? null,
    ageMs: loaded ? now - loaded.readAt : null,
    reloadBy: loaded && new Date(loaded.readDate.getTime() + ttlMs),
    size,
    usable,
    faulty: size - usable,
    enabled,
  };
}

export function reloadedOf({ compiled: { snapshot } }: Loaded, durationMs: number): Reloaded {
  return {
    usable: snapshot.size,
    internalTenants: snapshot.tenants('internal'),
    externalTenants: snapshot.tenants('external'),
    durationMs,
  };
}
