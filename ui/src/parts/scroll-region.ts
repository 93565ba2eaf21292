import { type RefObject, useEffect, useRef } from 'react';

/** Makes a sideways-scrolling element scroll by the keyboard too: a region that takes the focus. */
export function useScrollRegion(label: string): RefObject<HTMLDivElement | null> {
  const viewport = useRef<HTMLDivElement>(null);
  useEffect(() => {
    viewport.current?.setAttribute('tabindex', '0');
    viewport.current?.setAttribute('role', 'region');
    viewport.current?.setAttribute('aria-label', label);
  }, [label]);
  return viewport;
}
