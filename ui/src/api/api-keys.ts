import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type {
  ApiKeyFilter,
  ApiKeyList,
  DrawnApiKey,
  ListedApiKey,
  NewApiKey,
} from '../../../src/http/admin/contract.ts';
import { api } from './client.ts';

export type { DrawnApiKey, ListedApiKey, NewApiKey };

const apiKeysKey = ['api-keys'] as const;

/** `filter` as the page's address has it: the gateway says what of it is none. */
export const useApiKeys = (filter: { readonly [Name in keyof ApiKeyFilter]: string | number | undefined }) =>
  useQuery({
    queryKey: [...apiKeysKey, filter],
    queryFn: ({ signal }) => api.get<ApiKeyList>('/api-keys', { query: filter, signal }),
    placeholderData: keepPreviousData,
    // "Last used" moves by itself.
    refetchInterval: 10_000,
  });

/** The key is handed to `onDrawn` and to nothing else: what a mutation answers is kept in memory for a while. */
export function useCreateApiKey(onDrawn: (key: DrawnApiKey) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (wish: NewApiKey) => onDrawn(await api.post<DrawnApiKey>('/api-keys', wish)),
    onSuccess: () => queries.invalidateQueries({ queryKey: apiKeysKey }),
  });
}

export function useRevokeApiKey() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => api.delete(`/api-keys/${id}`),
    // Also where it was gone already.
    onSettled: () => queries.invalidateQueries({ queryKey: apiKeysKey }),
  });
}
