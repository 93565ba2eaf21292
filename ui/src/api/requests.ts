/** Single requests that wait or run now. */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import type { PresentRequest, WaitingRequests } from '../../../src/http/admin/contract/live.ts';
import { ApiError, api } from './client.ts';

export type { PresentRequest };

const refreshMs = 2_000;

/** One request, polled until it is gone; `data` then is its last known state. */
export function useRequest(id: string) {
  return useQuery({
    queryKey: ['requests', 'one', id],
    queryFn: ({ signal }) => api.get<PresentRequest>(`/scheduler/requests/${encodeURIComponent(id)}`, { signal }),
    enabled: id !== '',
    refetchInterval: ({ state }) => (isGone(state.error) ? false : refreshMs),
    // The last known state of a request must not answer a later question.
    gcTime: 0,
  });
}

/** Asks once more for a request that was gone, or not there yet. */
export function useAskAgain() {
  const queries = useQueryClient();
  return (id: string) => void queries.resetQueries({ queryKey: ['requests', 'one', id] });
}

export const isGone = (error: unknown): boolean => error instanceof ApiError && error.status === 404;

export interface WaitingFilter {
  readonly pool: string | null;
  readonly level: number | null;
}
export const longestShown = 20;

/** The requests that have waited longest. */
export function useWaiting(filter: WaitingFilter) {
  return useQuery({
    queryKey: ['requests', 'waiting', filter],
    queryFn: ({ signal }) =>
      api.get<WaitingRequests>('/scheduler/requests', { signal, query: { ...filter, limit: longestShown } }),
    refetchInterval: refreshMs,
    placeholderData: keepPreviousData,
  });
}
