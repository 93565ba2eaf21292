/** Runs at most `count` calls at once; the others wait and begin in the order in which they came. */
export function atMost(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async work => {
    if (running < count) running++;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place passes to the next call without becoming free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
