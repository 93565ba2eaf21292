/** Something that holds its bytes back until it is told to release them. */
export interface Held {
  release(): void;
}

/** The most that are held back: the first of them must not wait for all the work of a long turn. */
const mostHeld = 64;

let held: Held[] = [];

/**
 * Calls `release` once this turn of the event loop has handled what the sockets brought. A write to a socket whose reader
 * sleeps costs several times as much as one to a reader that is awake, since the kernel must wake it: writes that follow
 * one another at once find the same reader awake, those between which a request is handled do not.
 */
export function atEndOfTurn(one: Held): void {
  if (held.length === 0) setImmediate(releaseAll);
  held.push(one);
  if (held.length === mostHeld) releaseAll();
}

/** Whatever one of them throws, the others do not stay held: their clients would wait for ever. */
function releaseAll(): void {
  const all = held;
  held = [];
  let released = 0;
  try {
    for (const one of all) {
      released++;
      one.release();
    }
  } finally {
    for (const one of all.slice(released)) atEndOfTurn(one);
  }
}
