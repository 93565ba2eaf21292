import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { NewUser, User, UserFilter, UserList, UserPatch } from '../../../src/http/admin/contract/contract.ts';
import { api } from './client.ts';

export type { NewUser, User, UserPatch };

/** The values of the contract; a row written by hand may hold any text. */
export const roles = ['root_admin', 'gateway_admin', 'gateway_user'] as const satisfies readonly NewUser['role'][];
export const statuses = ['active', 'inactive'] as const satisfies readonly NonNullable<UserPatch['status']>[];

const usersKey = ['users'] as const;

/** `filter` has the form of the page's address; the gateway reports invalid values. */
export const useUsers = (filter: { readonly [Name in keyof UserFilter]: string | number | undefined }) =>
  useQuery({
    queryKey: [...usersKey, filter],
    queryFn: ({ signal }) => api.get<UserList>('/users', { query: filter, signal }),
    placeholderData: keepPreviousData,
  });

/** Null asks for no user. */
export const useUser = (id: number | null) =>
  useQuery({
    queryKey: [...usersKey, id],
    queryFn: ({ signal }) => api.get<User>(`/users/${id}`, { signal }),
    enabled: id !== null,
  });

export function useSaveUser() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...fields }: ({ readonly id: null } & NewUser) | ({ readonly id: number } & UserPatch)) =>
      id === null ? api.post<User>('/users', fields) : api.put<User>(`/users/${id}`, fields),
    // Keys show their users.
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: usersKey }),
        queries.invalidateQueries({ queryKey: ['api-keys'] }),
      ]),
  });
}
