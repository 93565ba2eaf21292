import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Router } from 'wouter';
import { createQueryClient } from './api/query-client.ts';
import { later } from './parts/later.ts';
import { Gate } from './shell/gate.tsx';
import { readableColors, theme } from './shell/theme.ts';

/** The policy of the page allows the library's own styles by this number only; see index.html. */
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';
// So is the style that keeps the page from scrolling under a dialog; its maker asks for the number here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

// Nothing is told before the first page is there.
const Notices = lazy(
  later(() => import('@mantine/notifications').then(({ Notifications }) => ({ default: Notifications }))),
);

export function App() {
  const [queries] = useState(createQueryClient);
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
      cssVariablesResolver={readableColors}
      // It makes all variables itself: their sheet would be a seventh of the styles that a first visit loads.
      deduplicateCssVariables={false}
    >
      <QueryClientProvider client={queries}>
        <Suspense>
          <Notices position="bottom-right" />
        </Suspense>
        <Router base="/console">
          <Gate />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  );
}
