import { useSyncExternalStore } from 'react';

/** One timer for all moments that a page shows; none if there are none. */
const readers = new Set<() => void>();
let timer = 0;

function tick(): void {
  for (const reader of readers) reader();
}

function subscribe(reader: () => void): () => void {
  if (readers.size === 0) timer = window.setInterval(tick, 1_000);
  readers.add(reader);
  return () => {
    readers.delete(reader);
    if (readers.size === 0) clearInterval(timer);
  };
}

/** Returns the result of `read`, for example a text; renders again when it has changed, not with each second. */
export const useEachSecond = <T extends string | number | boolean>(read: () => T): T =>
  useSyncExternalStore(subscribe, read);
