import { useQuery } from '@tanstack/react-query';
import type { ListedRoute, RouteList } from '../../../src/http/admin/contract/route.ts';
import type { StoredRoute } from '../../../src/http/admin/contract/stored-providers.ts';
import { api } from './client.ts';
import { type Fields, useMayChange, useWrite } from './providers.ts';

export type { ListedRoute, StoredRoute };

const routesKey = ['routes'] as const;
const urlOf = (name: string) => `/routes/${encodeURIComponent(name)}`;

export const useRoutes = (page: { readonly limit: number; readonly offset: number }) =>
  useQuery({
    queryKey: [...routesKey, page],
    queryFn: ({ signal }) => api.get<RouteList>('/routes', { query: page, signal }),
    refetchInterval: 10_000,
  });

/** A route as it is stored or stands in the file; null asks for none. */
export const useStoredRoute = (name: string | null) =>
  useQuery({
    queryKey: [...routesKey, 'one', name],
    queryFn: ({ signal }) => api.get<StoredRoute>(urlOf(name ?? ''), { signal }),
    enabled: useMayChange() && name !== null,
  });

interface RouteWrite {
  readonly name: string;
  readonly fields: Fields;
  /** Null: a new route, or one of which nothing is stored. */
  readonly etag: string | null;
  readonly isNew: boolean;
}

export const useSaveRoute = () =>
  useWrite(({ name, fields, etag, isNew }: RouteWrite) =>
    isNew
      ? api.post<StoredRoute>('/routes', { name, ...fields })
      : api.patch<StoredRoute>(urlOf(name), fields, etag === null ? {} : { ifMatch: etag }),
  );

export const useDeleteRoute = () => useWrite((name: string) => api.delete(urlOf(name)));
