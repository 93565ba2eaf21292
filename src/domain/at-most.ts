/** Runs at most so many at once; the others wait, and begin in the order in which they came. */
export function atMost(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async work => {
    if (running < count) running++;
    else await new Promise<void>(resolve => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // Its place goes to the next one without having been free.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
