import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Router } from 'wouter';
import { createQueryClient } from './api/query-client.ts';
import { later } from './parts/later.ts';
import { Gate } from './shell/gate.tsx';
import { readableColors, theme } from './shell/theme.ts';

/** The page's policy allows the library's styles only with this nonce; see index.html. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';
// The style that keeps the page from scrolling under a dialog needs it too; its library reads the nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

// There are no notices before the first page.
const Notices = lazy(later(() => import('./parts/notices.tsx')));

export function App() {
  const [queries] = useState(createQueryClient);
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
      cssVariablesResolver={readableColors}
      // Mantine creates all variables itself; the shared style sheet would be a seventh of the styles of a first visit.
      deduplicateCssVariables={false}
    >
      <QueryClientProvider client={queries}>
        <Suspense>
          <Notices />
        </Suspense>
        <Router base="/console">
          <Gate />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  );
}
