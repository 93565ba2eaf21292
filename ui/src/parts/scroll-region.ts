import { type RefObject, useEffect, useRef } from 'react';

/** What scrolls sideways has to do so by the keyboard as well: a region that takes the focus. */
export function useScrollRegion(label: string): RefObject<HTMLDivElement | null> {
  const viewport = useRef<HTMLDivElement>(null);
  useEffect(() => {
    viewport.current?.setAttribute('tabindex', '0');
    viewport.current?.setAttribute('role', 'region');
    viewport.current?.setAttribute('aria-label', label);
  }, [label]);
  return viewport;
}
