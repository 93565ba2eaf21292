import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type {
  ApiKeyFilter,
  ApiKeyList,
  DrawnApiKey,
  FoundApiKey,
  ListedApiKey,
  NewApiKey,
} from '../../../src/http/admin/contract/contract.ts';
import { keyHash } from '../parts/key-hash.ts';
import { ApiError, api } from './client.ts';

export type { DrawnApiKey, FoundApiKey, ListedApiKey, NewApiKey };

const apiKeysKey = ['api-keys'] as const;

/** `filter` has the form of the page's address; the gateway reports invalid values. */
export const useApiKeys = (filter: { readonly [Name in keyof ApiKeyFilter]: string | number | undefined }) =>
  useQuery({
    queryKey: [...apiKeysKey, filter],
    queryFn: ({ signal }) => api.get<ApiKeyList>('/api-keys', { query: filter, signal }),
    placeholderData: keepPreviousData,
    // "Last used" changes without an action on this page.
    refetchInterval: 10_000,
  });

/** The key with this hash, or null. Sent by POST, so that not even the hash stands in an address. */
export const useFoundKey = (key_hash: string | null) =>
  useQuery({
    queryKey: [...apiKeysKey, 'found', key_hash],
    queryFn: async ({ signal }) =>
      api.post<FoundApiKey>('/api-keys/lookup', { key_hash }, { signal }).catch(nullIfGone),
    enabled: key_hash !== null,
    gcTime: 0,
    refetchInterval: 10_000,
  });

const nullIfGone = (error: unknown): null => {
  if (error instanceof ApiError && error.status === 404) return null;
  throw error;
};

interface KeyHash {
  /** Null until it is computed, and if it cannot be. */
  readonly hash: string | null;
  readonly error: unknown;
}

export function useKeyHash(key: string): KeyHash {
  const [made, setMade] = useState<(KeyHash & { readonly key: string }) | null>(null);
  useEffect(() => {
    let isWanted = true;
    const tell = (hash: string | null, error: unknown) => isWanted && setMade({ key, hash, error });
    keyHash(key).then(
      hash => tell(hash, null),
      error => tell(null, error),
    );
    return () => {
      isWanted = false;
    };
  }, [key]);
  return made?.key === key ? made : { hash: null, error: null };
}

/** The key is passed to `onDrawn` only, because the result of a mutation stays in memory for a while. */
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
    // Also after a failure because the key was gone already.
    onSettled: () => queries.invalidateQueries({ queryKey: apiKeysKey }),
  });
}
