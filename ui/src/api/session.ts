import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import type { Session } from '../../../src/http/admin/contract/session.ts';
import { ApiError, api } from './client.ts';

export type { Session };

export const sessionKey = ['session'] as const;

const stillHereEveryMs = 60_000;

/** Null if nobody is signed in. */
export function useSessionQuery() {
  return useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) => api.get<Session>('/session', { signal }).catch(nobody),
    staleTime: Number.POSITIVE_INFINITY,
    // A page that sends no requests, such as the lanes, counts as in use while somebody is there.
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

/** The session; only for components that are shown to signed-in users. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('a page was shown to nobody');
  return session;
}
