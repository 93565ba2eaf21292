import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ProviderList, ShownEndpoint, ShownProvider } from '../../../src/http/admin/contract/live.ts';
import type {
  StoredFile,
  StoredKey,
  StoredProvider,
  TriedProvider,
} from '../../../src/http/admin/contract/stored-providers.ts';
import { api } from './client.ts';
import { useSession } from './session.ts';

export type { ShownEndpoint, ShownProvider, StoredKey, StoredProvider, TriedProvider };

/** Settings by the names of the file; null: what file or default say. */
export type Fields = Readonly<Record<string, string | boolean | readonly string[] | null>>;

const providersKey = ['providers'] as const;
const everyMs = 5_000;
const urlOf = (name: string) => `/providers/${encodeURIComponent(name)}`;

export const useProviders = () =>
  useQuery({
    queryKey: providersKey,
    queryFn: ({ signal }) => api.get<ProviderList>('/providers', { signal }),
    refetchInterval: everyMs,
  });

/** Root admins of a Team gateway change providers and routes; others see what is in effect. */
export function useMayChange(): boolean {
  const { user, edition } = useSession();
  return user.role === 'root_admin' && edition === 'team';
}

/** All that is stored, also what is switched off or cannot be used. */
export const useStoredFile = () =>
  useQuery({
    queryKey: [...providersKey, 'stored'],
    queryFn: ({ signal }) => api.get<StoredFile>('/providers-file', { signal }),
    enabled: useMayChange(),
  });

/** The settings and keys of a provider; null asks for none. */
export const useStoredProvider = (name: string | null) =>
  useQuery({
    queryKey: [...providersKey, 'one', name],
    queryFn: ({ signal }) => api.get<StoredProvider>(urlOf(name ?? ''), { signal }),
    enabled: useMayChange() && name !== null,
    refetchInterval: everyMs,
  });

/** A write of this page; also after a refusal the shown state may be out of date. */
export function useWrite<Given, Answer>(write: (given: Given) => Promise<Answer>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSettled: () =>
      Promise.all(
        [providersKey, ['routes'], ['pools']].map(queryKey => queries.invalidateQueries({ queryKey: [...queryKey] })),
      ),
    // What a mutation was given may be a key.
    gcTime: 0,
  });
}

interface EndpointMove {
  readonly provider: string;
  readonly id: string;
  readonly act: 'drain' | 'resume';
}

/** Takes an endpoint out of service, or puts it back. */
export const useMoveEndpoint = () =>
  useWrite(({ provider, id, act }: EndpointMove) =>
    api.post<ShownEndpoint>(`${urlOf(provider)}/endpoints/${encodeURIComponent(id)}/${act}`),
  );

interface Change {
  readonly name: string;
  readonly fields: Fields;
  /** The version that it is based on. */
  readonly etag: string | null;
}
const versionOf = (etag: string | null) => (etag === null ? {} : { ifMatch: etag });

export const useCreateProvider = () => useWrite((fields: Fields) => api.post<StoredProvider>('/providers', fields));

export const useChangeProvider = () =>
  useWrite(({ name, fields, etag }: Change) => api.patch<StoredProvider>(urlOf(name), fields, versionOf(etag)));

export const useDeleteProvider = () => useWrite((name: string) => api.delete(urlOf(name)));

/** Asks an upstream for its models; with a model, also for one small answer. Stores nothing. */
export const useTryProvider = () =>
  useMutation({ mutationFn: (fields: Fields) => api.post<TriedProvider>('/providers/try', fields), gcTime: 0 });

interface NewKey {
  readonly provider: string;
  readonly api_key: string;
  readonly description: string | null;
  /** It takes the place of all others. */
  readonly replaces: boolean;
}

export const useAddKey = () =>
  useWrite(({ provider, replaces, ...key }: NewKey) =>
    (replaces ? api.put : api.post)<StoredKey>(`${urlOf(provider)}/keys`, key),
  );

interface KeyOf {
  readonly provider: string;
  readonly id: string;
}
const keyUrl = ({ provider, id }: KeyOf) => `${urlOf(provider)}/keys/${encodeURIComponent(id)}`;

export const useSetKeyAside = () =>
  useWrite(({ set_aside, ...key }: KeyOf & { readonly set_aside: boolean }) => api.patch(keyUrl(key), { set_aside }));

export const useDeleteKey = () => useWrite((key: KeyOf) => api.delete(keyUrl(key)));
