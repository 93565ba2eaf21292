/** Schedules of mappings and of pools, and their windows. */
import { keepPreviousData, useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import type {
  NewPoolSchedule,
  NewSchedule,
  PoolSchedule,
  PoolScheduleList,
  PoolSchedulePatch,
  PoolSchedulePreview,
  Schedule,
  ScheduleList,
  SchedulePatch,
  SchedulePreview,
} from '../../../src/http/admin/contract/timing.ts';
import { api } from './client.ts';

export type { NewSchedule, PoolSchedule, Schedule, ScheduleList };
export type MappingWindow = SchedulePreview['windows'][number];
export type PoolWindow = PoolSchedulePreview['windows'][number];

const schedulesKey = ['schedules'] as const;
const url = '/api-key-priority/schedules';
const poolUrl = (pool: string) => `/scheduler/pools/${encodeURIComponent(pool)}/schedules`;
/** The most windows in one answer of the API. */
export const mostWindows = 1_000;
const refreshMs = 30_000;

interface Filter {
  readonly mapping_id: string | number | undefined;
  readonly limit: number;
  readonly offset: number;
}

export const useSchedules = (filter: Filter, isTeam: boolean) =>
  useQuery({
    queryKey: [...schedulesKey, 'list', filter],
    queryFn: ({ signal }) => api.get<ScheduleList>(url, { query: { ...filter }, signal }),
    enabled: isTeam,
    placeholderData: keepPreviousData,
    refetchInterval: refreshMs,
  });

export const useWindows = (mapping_id: string | number | undefined, isAsked: boolean) =>
  useQuery({
    queryKey: [...schedulesKey, 'windows', mapping_id],
    queryFn: ({ signal }) =>
      api.get<SchedulePreview>(`${url}/preview`, { query: { mapping_id, limit: mostWindows }, signal }),
    enabled: isAsked,
    placeholderData: keepPreviousData,
    refetchInterval: refreshMs,
  });

export interface PoolSchedules {
  readonly pool: string;
  readonly schedules: PoolSchedule[];
  readonly windows: PoolSchedulePreview;
}

/** The schedules of all pools, which the configuration limits. */
export function usePoolSchedules(pools: readonly string[]) {
  const lists = useQueries({
    queries: pools.map(pool => ({
      queryKey: [...schedulesKey, 'pool', pool],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<PoolSchedules> => ({
        pool,
        schedules: (await api.get<PoolScheduleList>(poolUrl(pool), { query: { limit: mostWindows }, signal }))
          .schedules,
        windows: await api.get<PoolSchedulePreview>(`${poolUrl(pool)}/preview`, {
          query: { limit: mostWindows },
          signal,
        }),
      }),
      refetchInterval: refreshMs,
    })),
  });
  return {
    isPending: lists.some(({ isPending }) => isPending),
    error: lists.find(({ error }) => error !== null)?.error ?? null,
    refetch: () => Promise.all(lists.map(({ refetch }) => refetch())),
    pools: lists.flatMap(({ data }) => (data === undefined ? [] : [data])),
  };
}

/** Creates a schedule if `id` is null. */
export type ScheduleWrite =
  | { readonly of: 'mapping'; readonly id: null; readonly body: NewSchedule }
  | { readonly of: 'mapping'; readonly id: number; readonly body: SchedulePatch }
  | { readonly of: 'pool'; readonly pool: string; readonly id: null; readonly body: NewPoolSchedule }
  | { readonly of: 'pool'; readonly pool: string; readonly id: number; readonly body: PoolSchedulePatch };

function write(change: ScheduleWrite): Promise<Schedule | PoolSchedule> {
  const base = change.of === 'mapping' ? url : poolUrl(change.pool);
  return change.id === null ? api.post(base, change.body) : api.put(`${base}/${change.id}`, change.body);
}

export const useSaveSchedule = () => useMutation({ mutationFn: write, ...useChanged() });

export const useDeleteSchedule = () =>
  useMutation({
    mutationFn: ({ id, pool }: { readonly id: number; readonly pool: string | null }) =>
      api.delete(`${pool === null ? url : poolUrl(pool)}/${id}`),
    ...useChanged(),
  });

/** An open window changes the display of mappings and pools. */
function useChanged() {
  const queries = useQueryClient();
  const keys = [schedulesKey, ['mappings'], ['pools']];
  return { onSuccess: () => Promise.all(keys.map(queryKey => queries.invalidateQueries({ queryKey }))) };
}
