/** Mappings as the console reads, tries and writes them. */
import { keepPreviousData, type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type {
  Mapping,
  MappingFilter,
  MappingList,
  MappingPatch,
  MappingStatus,
  NewMapping,
} from '../../../src/http/admin/contract/contract.ts';
import type { WrittenMapping } from '../../../src/http/admin/contract/inspect-contract.ts';
import type { NewBoost } from '../../../src/http/admin/contract/timing-contract.ts';
import type { Tried } from '../../../src/http/admin/contract/transfer-contract.ts';
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
    // Another page or order takes the place of this one when it is there, not before.
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => nextRefreshMs(state.data),
  });
}

/** A boost that ends is seen at once, and soon the rows that never win, where they are still being looked for. */
function nextRefreshMs(list: MappingList | undefined): number {
  const ends = (list?.mappings ?? []).flatMap(({ boost }) => (boost === null ? [] : [Date.parse(boost.until)]));
  // One that is over on this browser's clock and not on the gateway's is no reason to hurry.
  const untilNextMs = Math.min(...ends.filter(end => end > Date.now())) - Date.now() + 100;
  const usualMs = list?.checked_at === null ? whileCheckingMs : usualRefreshMs;
  return Math.min(usualMs, Math.max(shortestRefreshMs, untilNextMs));
}

/** A row as it is when it is opened; what is edited does not change under the editor's hands. */
export function useMapping(id: number) {
  return useQuery({
    queryKey: ['mapping', id],
    queryFn: ({ signal }) => api.get<Mapping>(path(id), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** A change of one row; `etag`: of the version it is based on. */
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

/** What a change would do; null asks nothing. A newer question aborts the older one. */
export function useTrial(name: readonly unknown[], change: (() => Promise<Change>) | null) {
  return useQuery({
    queryKey: ['mapping-trial', ...name],
    queryFn: async ({ signal }) => send<Tried>(await (change ?? never)(), { query: { dry_run: true }, signal }),
    enabled: change !== null,
    ...trialOptions,
  });
}

/** What a boost to that level would do, for however long and whatever reason. */
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
    // Also after a refusal: what is shown may be older than what refused.
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

/** The row as somebody else has left it, where a write was refused for that; `current` null: it is gone. */
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
