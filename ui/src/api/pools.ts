import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { PoolPatch, ShownPool } from '../../../src/http/admin/contract/pool.ts';
import type { PoolSchedulePreview } from '../../../src/http/admin/contract/timing.ts';
import { api } from './client.ts';

export type { PoolPatch, ShownPool };
/** A setting of a pool. */
export type PoolKey = keyof ShownPool['source'];
export type PoolValue = ShownPool[PoolKey];

const poolsKey = ['pools'] as const;
const everyMs = 5_000;
const urlOf = (pool: string) => `/scheduler/pools/${encodeURIComponent(pool)}`;

/** Callers that only offer a choice of pools need no refetch. */
export const usePools = (refetchInterval: number | false = everyMs) =>
  useQuery({
    queryKey: poolsKey,
    queryFn: async ({ signal }) => (await api.get<{ pools: ShownPool[] }>('/scheduler/pools', { signal })).pools,
    refetchInterval,
  });

/** The open windows of a pool; asked for only if a schedule holds. */
export const useOpenWindows = (pool: string, isAsked: boolean) =>
  useQuery({
    queryKey: [...poolsKey, pool, 'windows'],
    queryFn: async ({ signal }) => {
      const { from, windows } = await api.get<PoolSchedulePreview>(`${urlOf(pool)}/schedules/preview`, { signal });
      return windows.filter(({ start, end }) => start <= from && from < end);
    },
    enabled: isAsked,
    refetchInterval: everyMs,
  });

/** Changes some settings of a pool; null deletes the stored value, so that the configured one applies again. */
export function useSavePool(name: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (patch: PoolPatch) => api.put<ShownPool>(urlOf(name), patch),
    onSuccess: saved => {
      queries.setQueryData<ShownPool[]>(poolsKey, pools =>
        pools?.map(pool => (pool.name === saved.name ? saved : pool)),
      );
      // The saved values are shown at once; the rest is read in the background.
      void queries.invalidateQueries({ queryKey: poolsKey });
    },
  });
}
