import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { HistoryEntry, HistoryFilter, HistoryList, Restored } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type { HistoryEntry, Restored };

/** As the contract says them; what another version wrote may be something else. */
export const objects = ['mapping', 'boost', 'schedule', 'setting', 'pool_setting', 'pool_schedule'] as const;
export const kinds = ['create', 'update', 'delete'] as const satisfies readonly HistoryFilter['kind'][];

const url = '/api-key-priority/history';
const historyKey = ['history'] as const;

/** As the page's address has them: the gateway says what of it is none. */
type Filter = { readonly [Name in keyof HistoryFilter]: string | number | undefined };

export const useHistory = (filter: Filter) =>
  useQuery({
    queryKey: [...historyKey, filter],
    queryFn: ({ signal }) => api.get<HistoryList>(url, { query: filter, signal }),
    placeholderData: keepPreviousData,
  });

/** The last change of an object: what it is now. */
export const useLatest = ({ object, object_id }: Pick<HistoryEntry, 'object' | 'object_id'>) =>
  useQuery({
    queryKey: [...historyKey, 'latest', object, object_id],
    queryFn: async ({ signal }) => {
      const { history } = await api.get<HistoryList>(url, { query: { object, object_id, limit: 1 }, signal });
      return history[0] ?? null;
    },
    staleTime: 0,
  });

export function useRestoring() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => api.post<Restored>(`${url}/${id}/restore`),
    // It may have been any object.
    onSuccess: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
  });
}
