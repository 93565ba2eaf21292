/** Reads, tries and writes mappings. */
import { keepPreviousData, type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type {
  Mapping,
  MappingFilter,
  MappingList,
  MappingPatch,
  MappingStatus,
  NewMapping,
} from '../../../src/http/admin/contract/contract.ts';
import type { WrittenMapping } from '../../../src/http/admin/contract/inspect.ts';
import type { NewBoost } from '../../../src/http/admin/contract/timing.ts';
import type { Tried } from '../../../src/http/admin/contract/transfer.ts';
import { ApiError, api } from './client.ts';

const base = '/api-key-priority';
const path = (id: number) => `${base}/mappings/${id}`;
const mappingsKey = ['mappings'] as const;

const usualRefreshMs = 10_000;
const whileCheckingMs = 2_000;
const shortestRefreshMs = 500;

export function useMappings(filter: MappingFilter) {
  return useQuery({
    queryKey: [...mappingsKey, 'list', filter],
    queryFn: ({ signal }) => api.get<MappingList>(`${base}/mappings`, { query: filter, signal }),
    // The present page stays until the next page or order has been loaded.
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => nextRefreshMs(state.data),
  });
}

/** Refreshes when a boost ends, and soon while the search for rows that never win is unfinished. */
function nextRefreshMs(list: MappingList | undefined): number {
  const ends = (list?.mappings ?? []).flatMap(({ boost }) => (boost === null ? [] : [Date.parse(boost.until)]));
  // A boost that has ended by this browser's clock but not by the gateway's is no reason for a quick refresh.
  const untilNextMs = Math.min(...ends.filter(end => end > Date.now())) - Date.now() + 100;
  const usualMs = list?.checked_at === null ? whileCheckingMs : usualRefreshMs;
  return Math.min(usualMs, Math.max(shortestRefreshMs, untilNextMs));
}

/** Reads a row once, when it is opened; it does not change while it is edited. */
export function useMapping(id: number) {
  return useQuery({
    queryKey: ['mapping', id],
    queryFn: ({ signal }) => api.get<Mapping>(path(id), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** A change of one row; `etag` is that of the version it is based on. */
export type Change =
  | { readonly kind: 'create'; readonly body: NewMapping }
  | { readonly kind: 'update'; readonly id: number; readonly etag: string; readonly body: MappingPatch }
  | { readonly kind: 'delete'; readonly id: number; readonly etag: string };

interface SendOptions {
  readonly query?: { readonly dry_run: true };
  readonly signal?: AbortSignal;
}

function send<Answer>(change: Change, options: SendOptions = {}): Promise<Answer> {
  if (change.kind === 'create') return api.post(`${base}/mappings`, change.body, options);
  const based = { ...options, ifMatch: change.etag };
  return change.kind === 'delete' ? api.delete(path(change.id), based) : api.put(path(change.id), change.body, based);
}

const trialOptions = {
  placeholderData: keepPreviousData,
  retry: false,
  staleTime: 30_000,
  gcTime: 0,
  refetchOnWindowFocus: false,
} as const;

/** Asks for the effect of a change; null asks nothing. A newer question aborts the older one. */
export function useTrial(name: readonly unknown[], change: (() => Promise<Change>) | null) {
  return useQuery({
    queryKey: ['mapping-trial', ...name],
    queryFn: async ({ signal }) => send<Tried>(await (change ?? never)(), { query: { dry_run: true }, signal }),
    enabled: change !== null,
    ...trialOptions,
  });
}

/** Asks for the effect of a boost to that level, for any duration and reason. */
export function useBoostTrial(id: number, priority: number) {
  const boost: NewBoost = { priority, for: 60, reason: 'dry run' };
  return useQuery({
    queryKey: ['mapping-trial', 'boost', id, priority],
    queryFn: ({ signal }) => api.post<Tried>(`${path(id)}/boost`, boost, { query: { dry_run: true }, signal }),
    ...trialOptions,
  });
}

const never = () => Promise.reject(new Error('nothing to try'));

export function useChangeMapping() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (change: () => Promise<Change>) => send<WrittenMapping | { success: true }>(await change()),
    // Also after a refusal: the displayed rows may be outdated.
    onSettled: () => refreshMappings(queries),
  });
}

export function useBoostMapping() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, boost }: { readonly id: number; readonly boost: NewBoost }) =>
      api.post<Mapping>(`${path(id)}/boost`, boost),
    onSettled: () => refreshMappings(queries),
  });
}

export function useEndBoost() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => api.delete(`${path(id)}/boost`),
    onSettled: () => refreshMappings(queries),
  });
}

/** Returns the present row if a write was refused because of a concurrent change; `current` null: the row is gone. */
export function conflictOf(error: unknown): { readonly current: Mapping | null } | null {
  if (!(error instanceof ApiError)) return null;
  if (error.status === 404) return { current: null };
  return error.code === 'stale' ? { current: (error.beside.current ?? null) as Mapping | null } : null;
}

export function useMappingStatus() {
  return useQuery({
    queryKey: [...mappingsKey, 'status'],
    queryFn: ({ signal }) => api.get<MappingStatus>(`${base}/status`, { signal }),
    refetchInterval: usualRefreshMs,
  });
}

export function useReload() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => api.post<{ readonly reloaded_count: number; readonly reload_time_ms: number }>(`${base}/reload`),
    onSettled: () => refreshMappings(queries),
  });
}

const refreshMappings = (queries: QueryClient) => queries.invalidateQueries({ queryKey: mappingsKey });
