import { Center } from '@mantine/core';
import { useState } from 'react';
import { SessionContext, useSessionQuery } from '../api/session.ts';
import { ErrorState, LoadingState } from '../parts/states.tsx';
import { Shell } from './shell.tsx';
import { SignIn } from './sign-in.tsx';

/** Shows pages to signed-in users only. */
export function Gate() {
  const session = useSessionQuery();
  const [wasSignedIn, setWasSignedIn] = useState(false);
  if (session.data && !wasSignedIn) setWasSignedIn(true);
  if (session.isPending) {
    return (
      <Center h="100vh">
        <LoadingState />
      </Center>
    );
  }
  // If the gateway goes away, a signed-in user keeps the displayed data.
  if (session.isError && session.data === undefined)
    return <ErrorState error={session.error} onRetry={() => session.refetch()} />;
  if (!session.data) return <SignIn isAgain={wasSignedIn} />;
  return (
    <SessionContext value={session.data}>
      <Shell />
    </SessionContext>
  );
}
