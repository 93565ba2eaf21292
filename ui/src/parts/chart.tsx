import { Skeleton, useComputedColorScheme } from '@mantine/core';
import { lazy, Suspense } from 'react';
import type { ChartProps } from './chart-props.ts';
import { later } from './later.ts';

// The library is loaded after the page.
const Plot = lazy(later(() => import('./plot.tsx')));

export function Chart(props: ChartProps) {
  const scheme = useComputedColorScheme('light');
  return (
    <Suspense fallback={<Skeleton height={props.height} />}>
      <Plot key={scheme} {...props} />
    </Suspense>
  );
}
