import { useSyncExternalStore } from 'react';

/** One timer for however many moments a page shows; none where it shows none. */
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

/** What `read` makes of the time, a text say; drawn anew when that has changed, not with each second. */
export const useEachSecond = <T extends string | number | boolean>(read: () => T): T =>
  useSyncExternalStore(subscribe, read);
