import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { Session } from '../../../src/http/admin/contract/session-contract.ts';
import { ApiError, api } from './client.ts';

export type { Session };

export const sessionKey = ['session'] as const;

const stillHereEveryMs = 60_000;

/** Null: nobody is signed in. */
export function useSessionQuery() {
  return useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => api.get<Session>('/session', { signal }).catch(nobody),
    staleTime: Number.POSITIVE_INFINITY,
    // A page that asks nothing else, as the lanes do, is in use all the same while somebody is there.
    refetchInterval: stillHereEveryMs,
  });
}

function nobody(error: unknown): null {
  if (error instanceof ApiError && error.status === 401) return null;
  throw error;
}

export const signIn = (key: string) => api.post<Session>('/session', { key });
export const signOut = () => api.delete('/session');
export const signOutEverywhere = () => api.delete('/sessions');

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in; only for what is shown to those who are. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('a page was shown to nobody');
  return session;
}
