import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError, api } from './client.ts';
import { sessionKey } from './session.ts';

const isSignedOut = (error: unknown) => error instanceof ApiError && error.status === 401;
/** A retry would not help. */
const isRefusal = (error: unknown) => error instanceof ApiError && error.status >= 400 && error.status < 500;

export function createQueryClient(): QueryClient {
  const onError = (error: unknown) => isSignedOut(error) && forgetSession(client);
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: { retry: (count, error) => !isRefusal(error) && count < 2, staleTime: 5_000 },
    },
  });
  return client;
}

/** Shows the sign-in page, and removes everything of the last session from memory. */
export function forgetSession(client: QueryClient): void {
  client.setQueryData(sessionKey, null);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
}

/** For a refusal without a reason, as of a stream: shows the sign-in page if nobody is signed in any more. */
export function checkSession(client: QueryClient): Promise<void> {
  return api.get('/session').then(
    () => {},
    error => {
      if (isSignedOut(error)) forgetSession(client);
    },
  );
}
