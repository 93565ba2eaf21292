import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { HistoryEntry, HistoryFilter, HistoryList, Restored } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type { HistoryEntry, Restored };

/** The values of the contract; another version may have written others. */
export const objects = [
  'mapping',
  'boost',
  'schedule',
  'setting',
  'pool_setting',
  'pool_schedule',
  'provider',
  'provider_endpoint',
  'provider_key',
  'model_route',
] as const;
export const kinds = ['create', 'update', 'delete'] as const satisfies readonly HistoryFilter['kind'][];

const url = '/api-key-priority/history';
const historyKey = ['history'] as const;

/** In the form of the page's address; the gateway reports invalid values. */
type Filter = { readonly [Name in keyof HistoryFilter]: string | number | undefined };

export const useHistory = (filter: Filter) =>
  useQuery({
    queryKey: [...historyKey, filter],
    queryFn: ({ signal }) => api.get<HistoryList>(url, { query: filter, signal }),
    placeholderData: keepPreviousData,
  });

/** The last change of an object, which holds its present state. */
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
    // Any kind of object may have changed.
    onSuccess: () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
  });
}
